/** Rebuilds a graph bottom-up, applying local rewrites until none fits. A rewrite never changes a node's axes. */
import { axisNames, sameAxes, withoutAxes } from "../ir/axes.js";
import type { Builder } from "../ir/build.js";
import type { Graph, Node } from "../ir/tensor.js";
import { nodesOf, operandsOf, rebuild } from "../ir/traverse.js";

/** A simpler node of the same value, or null. It may have its axes in another order; lacking some, it is not taken. */
export type Rewrite = (builder: Builder, node: Node) => Node | null;

const fitted = (b: Builder, node: Node, next: Node | null): Node | null => {
  if (next === null || next === node) return null;
  if (sameAxes(node.axes, next.axes)) return next;
  const names = axisNames(node.axes);
  const fits = node.axes.length === next.axes.length && withoutAxes(next.axes, names).length === 0;
  return fits ? b.permute(next, names) : null;
};

/** Applies the first rewrite that fits, to every node of `graph`, in order and repeatedly. */
export const rewrite = (builder: Builder, graph: Graph, rewrites: readonly Rewrite[]): Graph => {
  const done = new Map<Node, Node>();
  const once = (node: Node): Node | null => {
    for (const apply of rewrites) {
      const next = fitted(builder, node, apply(builder, node));
      if (next !== null && next !== node) return next;
    }
    return null;
  };
  const visit = (node: Node): Node => {
    const known = done.get(node);
    if (known !== undefined) return known;
    const rebuilt = rebuild(builder, node, operandsOf(node).map(visit));
    const settled = done.get(rebuilt);
    const next = settled === undefined ? once(rebuilt) : null;
    const result = settled ?? (next === null ? rebuilt : visit(next));
    done.set(node, result);
    done.set(rebuilt, result);
    done.set(result, result);
    return result;
  };
  // Ascending, so that the recursion only ever enters what a rewrite made.
  for (const node of nodesOf(graph)) visit(node);
  return {
    outputs: Object.fromEntries(
      Object.entries(graph.outputs).map(([name, node]) => [name, visit(node)]),
    ),
  };
};
