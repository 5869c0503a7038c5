/**
 * The part of a graph around its largest tensors, to be computed slice by slice along the tokens, so that none of them ever
 * lives in full: a loss over the vocabulary together with the output projection and both their gradients (as in
 * "Liger Kernel", arXiv 2410.10989, section 3.2). Every node of it goes place by place along the sliced axes or sums over them.
 */
import type { Axis, Graph, Node } from "../ir/tensor.js";
import { nodesOf, operandsOf } from "../ir/traverse.js";
import { isCut, objection, over } from "./decompose.js";
import { isGiven } from "./kept.js";

export interface Region {
  readonly nodes: ReadonlySet<Node>;
  /** Read by its nodes, and none of them: values that are not given, in order of id. */
  readonly reads: readonly Node[];
  /** Its nodes that others read or that are outputs, in order of id. */
  readonly results: readonly Node[];
}

/** All that lie on a way from a seed to a seed. */
const between = (nodes: readonly Node[], seeds: ReadonlySet<Node>): Set<Node> => {
  const after = new Set<Node>();
  for (const node of nodes)
    if (seeds.has(node) || operandsOf(node).some((operand) => after.has(operand))) after.add(node);
  const before = new Set<Node>();
  for (const node of nodes.toReversed()) {
    if (seeds.has(node)) before.add(node);
    if (before.has(node)) for (const operand of operandsOf(node)) before.add(operand);
  }
  return new Set(nodes.filter((node) => after.has(node) && before.has(node)));
};

/** Whether slices of `region` along `axis` add up to the whole. */
export const slicesAlong = ({ nodes }: Region, axis: Axis): boolean => {
  const sums = new Set<Node>();
  for (const node of nodes) {
    if (objection(node, axis.name, axis.size) !== null || node.op === "scatter") return false;
    // A sum is known only after the last slice.
    if (operandsOf(node).some((operand) => sums.has(operand))) return false;
    if (isCut(node, axis.name)) sums.add(node);
  }
  return [...nodes].every((node) => sums.has(node) || over(node, axis.name));
};

/** The region around the nodes that are `large`, or null where there are none. */
export const regionOf = (graph: Graph, large: (node: Node) => boolean): Region | null => {
  const nodes = nodesOf(graph);
  const seeds = new Set(nodes.filter(large));
  if (seeds.size === 0) return null;
  // What makes something small of a large value belongs to it, else the large value would have to be kept.
  for (const node of nodes) if (operandsOf(node).some((operand) => large(operand))) seeds.add(node);
  const inside = between(nodes, seeds);
  const reads = new Set<Node>();
  const results = new Set<Node>();
  for (const node of nodes)
    for (const operand of operandsOf(node))
      if (inside.has(node) && !inside.has(operand) && !isGiven(operand)) reads.add(operand);
      else if (!inside.has(node) && inside.has(operand)) results.add(operand);
  for (const node of Object.values(graph.outputs)) if (inside.has(node)) results.add(node);
  const byId = (set: ReadonlySet<Node>): Node[] => [...set].sort((a, b) => a.id - b.id);
  return { nodes: new Set(byId(inside)), reads: byId(reads), results: byId(results) };
};
