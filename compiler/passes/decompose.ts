/**
 * Splits sums over a data set into sums over batches. A value over all windows is allowed to depend on them only through
 * sums: those become accumulators, computed per batch by one graph and read by another that finishes.
 */
import { hasAxis } from "../ir/axes.js";
import { Builder } from "../ir/build.js";
import { isZero } from "../ir/scalar.js";
import type { Axis, Graph, Node } from "../ir/tensor.js";
import { copyGraph, nodesOf, operandsOf } from "../ir/traverse.js";

export interface Accumulator {
  readonly name: string;
  readonly axes: readonly Axis[];
}

export interface Decomposition {
  /** One batch's share of every accumulator, by its name. */
  readonly accumulate: Graph;
  /** The outputs of the whole, from inputs named as the accumulators hold their totals. */
  readonly finish: Graph;
  readonly accumulators: readonly Accumulator[];
}

/** Why there is no such split, and the operation in its way. */
export interface NotSplit {
  readonly failure: string;
  readonly node: Node;
}

export const over = (node: Node, axis: string): boolean => hasAxis(node.axes, axis);

/** Whether an operand goes along the axis. */
const readsAlong = (node: Node, axis: string): boolean =>
  operandsOf(node).some((operand) => over(operand, axis));

/** A sum over `axis`: its operands go along the axis, it does not. */
export const isCut = (node: Node, axis: string): boolean => {
  if (over(node, axis) || !readsAlong(node, axis)) return false;
  return (
    (node.op === "reduce" && node.fn === "sum") ||
    node.op === "contract" ||
    node.op === "scatter" ||
    node.op === "attention_grad"
  );
};

/** Where `node` uses `axis` otherwise than place by place or in a sum. */
export const objection = (node: Node, axis: string, total: number): string | null => {
  const own = node.axes.find((a) => a.name === axis);
  if (own !== undefined && own.size !== total)
    return `axis ${axis} has size ${own.size}, not ${total}`;
  const counts = operandsOf(node).some((n) => n.op === "index" && over(n, axis));
  // Builder.zeros spreads a 0 by indices that do not matter.
  if (counts && !isZero(node)) return `the index along ${axis} differs from batch to batch`;
  switch (node.op) {
    case "reduce":
      if (!node.over.includes(axis)) return null;
      return node.fn === "max" ? `a maximum over ${axis} does not split into sums` : null;
    case "shift":
      return node.axis === axis ? `a shift along ${axis} crosses batches` : null;
    case "gather":
      return node.axis === axis ? `a selection along ${axis} crosses batches` : null;
    case "scatter":
    case "kth":
    case "compact":
    case "expand":
      return node.axis === axis ? `a selection along ${axis} crosses batches` : null;
    case "rename":
      return node.from === axis || node.to === axis ? `${axis} is renamed` : null;
    case "attention":
    case "attention_grad":
      return node.position === axis || node.dim === axis
        ? `attention along ${axis} crosses batches`
        : null;
    default:
      return null;
  }
};

/** Sums and reorderings of a split sum are still sums over batches: they make its accumulator smaller. */
const isAdditive = (node: Node, axis: string): boolean =>
  isCut(node, axis) ||
  ((node.op === "permute" || node.op === "rename" || (node.op === "reduce" && node.fn === "sum")) &&
    isAdditive(node.arg, axis));

/** The outermost sums over `axis`, in order of id. */
const frontier = (graph: Graph, axis: string): readonly Node[] => {
  const cuts = new Set<Node>();
  const seen = new Set<Node>();
  const pending = Object.values(graph.outputs);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (isAdditive(node, axis)) cuts.add(node);
    else pending.push(...operandsOf(node));
  }
  return [...cuts].sort((a, b) => a.id - b.id);
};

/** The first operation that forbids the split of `axis`, which has size `total`, into batches, or null. */
export const obstacle = (graph: Graph, axis: string, total: number): NotSplit | null => {
  const summed = new Set<Node>();
  for (const node of nodesOf(graph)) {
    const failure = objection(node, axis, total);
    if (failure !== null) return { failure, node };
    const after = summed.size > 0 && operandsOf(node).some((n) => summed.has(n));
    // What already holds a sum over the data is known only at the end, when the windows are gone.
    if (after && readsAlong(node, axis))
      return { failure: `each ${axis} is taken together with a sum over all of them`, node };
    if (after || isCut(node, axis)) summed.add(node);
  }
  for (const [name, node] of Object.entries(graph.outputs))
    if (over(node, axis)) return { failure: `${name} still goes along ${axis}`, node };
  return null;
};

export const resized = (axes: readonly Axis[], axis: string, size: number): Axis[] =>
  axes.map((a) => (a.name === axis ? { name: axis, size } : a));

/** The same graph for `size` places of `axis`, which its values go along place by place. */
export const resizeAxis = (graph: Graph, axis: string, size: number, builder: Builder): Graph =>
  copyGraph(builder, graph, (node) => {
    if (!over(node, axis)) return null;
    if (node.op === "input")
      return builder.input(node.name, resized(node.axes, axis, size), node.dtype);
    return node.op === "index" ? builder.index({ name: axis, size }) : null;
  });

/**
 * Splits `graph`, whose axis `axis` has size `total`, into batches of `batch` (any size; accumulators add up whatever the
 * batches). A failure names what is in the way.
 */
export const decompose = (
  graph: Graph,
  axis: string,
  total: number,
  batch: number,
  builder: Builder = new Builder(),
): Decomposition | NotSplit => {
  const failure = obstacle(graph, axis, total);
  if (failure !== null) return failure;
  const names = new Map(frontier(graph, axis).map((node, i) => [node, `acc${i}`]));
  const sums = Object.fromEntries([...names].map(([node, name]) => [name, node]));
  const finish = copyGraph(builder, graph, (node) => {
    const name = names.get(node);
    return name === undefined ? null : builder.input(name, node.axes);
  });
  return {
    accumulate: resizeAxis({ outputs: sums }, axis, batch, builder),
    finish,
    accumulators: [...names].map(([node, name]) => ({ name, axes: node.axes })),
  };
};
