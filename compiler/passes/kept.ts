/**
 * Which values of a forward pass to keep for the backward pass, and which to compute again there: the fewest bytes from
 * which the rest follows, as a minimum cut (Jain et al., "Checkmate", arXiv 1910.02653; the cut is that of PyTorch's
 * min-cut partitioner). What is computed again is never a value that `anchor` says must not be.
 */
import { type Node, sizeOf } from "../ir/tensor.js";
import { operandsOf } from "../ir/traverse.js";
import { minVertexCut } from "./min-cut.js";
import { isTable } from "./tables.js";

/** There anyway: inputs, integers read as numbers, literals, indices and tables. */
export const isGiven = (node: Node): boolean =>
  node.op === "input" ||
  node.op === "cast" ||
  node.op === "const" ||
  node.op === "index" ||
  isTable(node);

/**
 * Of `forward` nodes, those to keep so that every one of `needed` is kept or can be computed from kept and given ones;
 * `anchor`: too dear to compute twice.
 */
export const keptValues = (
  forward: readonly Node[],
  needed: ReadonlySet<Node>,
  anchor: (node: Node) => boolean,
): ReadonlySet<Node> => {
  const nodes = forward.filter((node) => !isGiven(node));
  const indexOf = new Map(nodes.map((node, at) => [node, at]));
  const at = (node: Node): number[] => {
    const index = indexOf.get(node);
    return index === undefined ? [] : [index];
  };
  const cut = minVertexCut({
    weights: nodes.map((node) => sizeOf(node.axes)),
    edges: nodes.flatMap((node, to) =>
      operandsOf(node)
        .flatMap(at)
        .map((from) => [from, to] as const),
    ),
    sources: nodes.flatMap((node, index) => (anchor(node) ? [index] : [])),
    sinks: [...needed].flatMap(at),
  });
  return new Set(nodes.filter((_, index) => cut.has(index)));
};
