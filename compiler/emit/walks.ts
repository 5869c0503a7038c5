/** How a generated kernel walks the tensors it reads and the one it writes: which of its axes each tensor axis follows. */
import type { Node } from "../ir/tensor.js";
import { operandsOf } from "../ir/traverse.js";
import { isView } from "../passes/fuse.js";
import type { Walked } from "./pieces.js";

/** Axis of a stored tensor → axis of the kernel, null where any index may be read. */
type Following = Map<string, string | null>;

const itself = (node: Node): Following => new Map(node.axes.map(({ name }) => [name, name]));

/** Walks of a group's stored tensors, the root's own last. */
export const walksOf = (
  root: Node,
  isStored: (node: Node) => boolean,
): ReadonlyMap<Node, Walked> => {
  const found = new Map<Node, Following>();
  const add = (node: Node, following: Following): void => {
    const known = found.get(node);
    if (known === undefined) found.set(node, following);
    else
      for (const [axis, followed] of following)
        if (known.get(axis) !== followed) known.set(axis, null);
  };
  /** `following` says for each axis of `node` what it follows. */
  const look = (node: Node, following: Following): void => {
    if (node !== root && isStored(node)) {
      add(node, following);
      return;
    }
    const inner = new Map(following);
    switch (node.op) {
      case "permute":
        look(node.arg, inner);
        break;
      case "rename":
        look(node.arg, inner.set(node.from, following.get(node.to) ?? null));
        break;
      case "shift":
        look(node.arg, inner.set(node.axis, null));
        break;
      case "gather":
        add(node.indices, itself(node.indices));
        // A gather that is the kernel itself may be cut along the table: see KernelWriter.
        look(node.table, inner.set(node.axis, node === root ? node.axis : null));
        break;
      default:
        visit(node);
    }
  };
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (node !== root && isStored(node)) add(node, itself(node));
    else if (isView(node)) look(node, itself(node));
    else for (const operand of operandsOf(node)) visit(operand);
  };
  visit(root);
  const walk = (node: Node, following: Following): Walked => ({
    name: node === root ? "out" : `t${node.id}`,
    axes: node.axes.map(({ name, size }) => ({ axis: following.get(name) ?? null, size })),
  });
  return new Map([
    ...[...found].map(([node, following]) => [node, walk(node, following)] as const),
    [root, walk(root, itself(root))] as const,
  ]);
};
