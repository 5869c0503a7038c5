/** Keeps kernels within the adapter's number and size of bindings, by storing parts of the ones that cannot be. */
import type { Node } from "../ir/tensor.js";
import { operandsOf } from "../ir/traverse.js";
import { fuse, type Group, isBig } from "../passes/fuse.js";
import { isTable } from "../passes/tables.js";
import { groupBoxes, innerNodes } from "./cut.js";
import type { Target } from "./target.js";

type Groups = ReadonlyMap<Node, Group>;

const isStored = (groups: Groups, node: Node): boolean =>
  node.op === "input" || isBig(node) || isTable(node) || groups.has(node);

/** Stored tensors that computing `node` inside a kernel reads. */
export const readsOf = (groups: Groups, node: Node): ReadonlySet<Node> => {
  const reads = new Set<Node>();
  const seen = new Set<Node>();
  const visit = (inner: Node): void => {
    if (seen.has(inner)) return;
    seen.add(inner);
    if (inner !== node && isStored(groups, inner)) reads.add(inner);
    else for (const operand of operandsOf(inner)) visit(operand);
  };
  visit(node);
  return reads;
};

/** The part of a kernel that spares most bindings when stored, itself within the limit. */
const partToStore = (groups: Groups, root: Node, limit: number): Node | null => {
  let best: Node | null = null;
  let most = 1;
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node) || (node !== root && isStored(groups, node))) return;
    seen.add(node);
    const count = readsOf(groups, node).size;
    if (node !== root && node.op === "map" && count > most && count <= limit) {
      best = node;
      most = count;
    }
    for (const operand of operandsOf(node)) visit(operand);
  };
  visit(root);
  return best;
};

/** Nodes to store so that a group keeps within the limits, or can be taken apart further; none if it does. */
const toStore = (groups: Groups, group: Group, target: Target): readonly Node[] => {
  const limit = target.maxStorageBuffers - 1;
  const stored = (node: Node): boolean => isStored(groups, node);
  if (readsOf(groups, group.root).size > limit) {
    const part = partToStore(groups, group.root, limit);
    return part === null ? [] : [part];
  }
  return groupBoxes(group, stored, target.maxBinding) === null
    ? innerNodes(group.root, stored)
    : [];
};

/** Groups whose kernels can be bound: few enough tensors (one more binding is the output), each small enough or cut. */
export const fuseWithin = (
  nodes: readonly Node[],
  outputs: ReadonlySet<Node>,
  target: Target,
): Groups => {
  const stored = new Set(outputs);
  for (;;) {
    const groups = fuse(nodes, stored, target.fuse);
    const before = stored.size;
    for (const group of groups.values())
      for (const node of toStore(groups, group, target)) stored.add(node);
    if (stored.size === before) return groups;
  }
};
