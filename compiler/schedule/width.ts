/** Keeps kernels within the adapter's number of storage bindings, by storing parts of the ones that read too many tensors. */
import type { Node } from "../ir/tensor.js";
import { operandsOf } from "../ir/traverse.js";
import { fuse, type Group, isBig } from "../passes/fuse.js";
import { isTable } from "../passes/tables.js";

type Groups = ReadonlyMap<Node, Group>;

const isStored = (groups: Groups, node: Node): boolean =>
  node.op === "input" || isBig(node) || isTable(node) || groups.has(node);

/** Stored tensors that computing `node` inside a kernel reads. */
const readsOf = (groups: Groups, node: Node): ReadonlySet<Node> => {
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

/** Groups whose kernels read at most `limit` tensors each (one more binding is the output). */
export const fuseWithin = (
  nodes: readonly Node[],
  outputs: ReadonlySet<Node>,
  fused: boolean,
  limit: number,
): Groups => {
  const stored = new Set(outputs);
  for (;;) {
    const groups = fuse(nodes, stored, fused);
    const before = stored.size;
    for (const root of groups.keys()) {
      if (readsOf(groups, root).size <= limit) continue;
      const part = partToStore(groups, root, limit);
      if (part !== null) stored.add(part);
    }
    if (stored.size === before) return groups;
  }
};
