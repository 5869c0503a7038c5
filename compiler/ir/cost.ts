/** Floating-point operations of nodes and graphs; a multiply-add counts two. */
import {
  type Attention,
  type AttentionGrad,
  type Axis,
  type Graph,
  type Node,
  sizeOf,
} from "./tensor.js";
import { nodesOf } from "./traverse.js";

const sizeAt = (axes: readonly Axis[], name: string): number =>
  axes.find((a) => a.name === name)?.size ?? 1;

/** Contractions each adjoint of attention runs: scores, their adjoint, and its own (v needs no adjoint of scores). */
const GRADIENT_CONTRACTIONS = { q: 3, k: 3, v: 2 } as const;

/** Sources that a position sees at most. */
const seen = ({ q, position, within }: Attention | AttentionGrad): number =>
  Math.min(within ?? Number.POSITIVE_INFINITY, sizeAt(q.axes, position));

/** FLOPs of one node. Attention counts all pairs of positions, though a causal kernel may skip half. */
export const nodeFlops = (node: Node): number => {
  switch (node.op) {
    case "input":
    case "const":
    case "index":
    case "cast":
    case "permute":
    case "gather":
    case "shift":
    case "kth":
    case "compact":
    case "expand":
    case "rename":
    case "stop":
      return 0;
    case "map":
      return sizeOf(node.axes);
    case "reduce":
      return sizeOf(node.arg.axes);
    case "scatter":
      return sizeOf(node.value.axes);
    case "contract":
      return node.over.reduce((n, name) => n * sizeAt(node.left.axes, name), 2 * sizeOf(node.axes));
    case "attention": {
      // "lse" comes with "out" from one kernel; alone it would be one contraction.
      const contractions = node.part === "out" ? 2 : 0;
      return contractions * 2 * sizeOf(node.q.axes) * seen(node);
    }
    case "attention_grad":
      return GRADIENT_CONTRACTIONS[node.part] * 2 * sizeOf(node.q.axes) * seen(node);
    default:
      return node satisfies never;
  }
};

/** FLOPs of every node once. */
export const graphFlops = (graph: Graph): number =>
  nodesOf(graph).reduce((total, node) => total + nodeFlops(node), 0);
