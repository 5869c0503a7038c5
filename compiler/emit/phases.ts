/** The reductions of a group by the phase that they can run in: those that do not depend on each other share one loop. */
import type { Node } from "../ir/tensor.js";
import { operandsOf } from "../ir/traverse.js";

export type Reduce = Extract<Node, { op: "reduce" }>;

export const phasesOf = (root: Node, isStored: (node: Node) => boolean): Reduce[][] => {
  const level = new Map<Node, number>();
  const visit = (node: Node): number => {
    const known = level.get(node);
    if (known !== undefined) return known;
    if (node !== root && isStored(node)) return 0;
    const below = Math.max(0, ...operandsOf(node).map(visit));
    const own = node.op === "reduce" ? below + 1 : below;
    level.set(node, own);
    return own;
  };
  visit(root);
  const phases: Reduce[][] = [];
  for (const [node, at] of level)
    if (node.op === "reduce") phases[at - 1] = [...(phases[at - 1] ?? []), node];
  return phases.map((nodes) => nodes.sort((a, b) => a.id - b.id));
};
