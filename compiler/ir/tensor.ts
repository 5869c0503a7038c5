/**
 * The tensor IR: a few primitive operations over named axes, as immutable plain data.
 * A tensor's layout is row-major in the order of its `axes`; an axis name occurs at most once per tensor,
 * and within one operation equal names have equal sizes. Broadcasting is by name. No dtype but f32,
 * except integer inputs (`u32`), which only `gather`, `scatter` and `cast` read.
 * Nodes are hash-consed by `Builder` (build.ts): equal nodes are the same object, so identity is equality.
 */

import type { ScoreRule } from "../../kernels/attention-scores.js";

export interface Axis {
  readonly name: string;
  readonly size: number;
}

export type UnaryFn =
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "abs"
  | "sin"
  | "cos"
  | "tanh"
  | "erf"
  | "floor"
  | "not";
export type BinaryFn =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "pow"
  | "min"
  | "max"
  | "less" // 1 where left < right, else 0
  | "equal"; // 1 where equal, else 0
/** `select(condition, then, otherwise)`: `then` where condition is not 0. */
export type MapFn = UnaryFn | BinaryFn | "select";

interface Base {
  /** Unique within its builder; operands have smaller ids, so ascending id is a topological order. */
  readonly id: number;
  readonly axes: readonly Axis[];
}

/** A value from outside: a weight, tokens, labels, an accumulator. Name as the plan knows it. */
export interface Input extends Base {
  readonly op: "input";
  readonly name: string;
  readonly dtype: "f32" | "u32";
}
/** A scalar literal (no axes). */
export interface Const extends Base {
  readonly op: "const";
  readonly value: number;
}
/** 0, 1, 2, … along its single axis, as f32. */
export interface Index extends Base {
  readonly op: "index";
}
/** A u32 input as f32 (exact below 2^24). */
export interface Cast extends Base {
  readonly op: "cast";
  readonly arg: Input;
}
/** Elementwise, broadcast by name. The axes are the union in order of first appearance, unless given by `permute`. */
export interface MapNode extends Base {
  readonly op: "map";
  readonly fn: MapFn;
  readonly args: readonly Node[];
}
/** The same values with the axes in another order. */
export interface Permute extends Base {
  readonly op: "permute";
  readonly arg: Node;
}
/** Sum or maximum over `over`; the other axes keep their order. */
export interface Reduce extends Base {
  readonly op: "reduce";
  readonly fn: "sum" | "max";
  readonly over: readonly string[];
  readonly arg: Node;
}
/** Σ over `over` of left · right. Axes: those of `left` not contracted, then those of `right` not in `left`.
 *  Axes in both and not contracted are batch axes. */
export interface Contract extends Base {
  readonly op: "contract";
  readonly over: readonly string[];
  readonly left: Node;
  readonly right: Node;
}
/** `table` at `indices` along `axis`: axes of `indices`, then those of `table` other than `axis` and not in `indices`
 *  (axes in both are aligned, as in logits[labels]). */
export interface Gather extends Base {
  readonly op: "gather";
  readonly table: Node;
  readonly indices: Input;
  readonly axis: string;
}
/** The adjoint of an unaligned gather: out[axis = v, rest] = Σ over positions where indices = v of value[positions, rest].
 *  Axes: [axis, rest…]. */
export interface Scatter extends Base {
  readonly op: "scatter";
  readonly value: Node;
  readonly indices: Input;
  readonly axis: string;
}
/** out[i] = arg[(i + by) mod n] along `axis` (0 ≤ by < n). */
export interface Shift extends Base {
  readonly op: "shift";
  readonly arg: Node;
  readonly axis: string;
  readonly by: number;
}
/**
 * Where along `axis` the k-th largest number is (1 ≤ k ≤ its size), of equal ones the first before the others; as f32. Numbers
 * too small to be normal in f32 are 0, as adapters differ in whether they are.
 */
export interface Kth extends Base {
  readonly op: "kth";
  readonly arg: Node;
  readonly axis: string;
  readonly k: number;
}
/**
 * Of `arg`, what stands at the first places of `axis` where `mask` is not 0, in order and side by side along a new axis, as
 * many as that is long; 0 where there are fewer. `arg` has the mask's axes in their order, or `axis` alone. Axes: the mask's others, the new.
 */
export interface Compact extends Base {
  readonly op: "compact";
  readonly arg: Node;
  readonly mask: Node;
  readonly axis: string;
}
/**
 * The way back: along a new axis, the last, `arg`'s numbers at their `places`, which differ from each other, and `fill`
 * elsewhere. `arg` and `places` have the same axes, of which `axis`, their last, goes; `fill` has the others.
 */
export interface Expand extends Base {
  readonly op: "expand";
  readonly arg: Node;
  readonly places: Input;
  readonly fill: Node;
  readonly axis: string;
}
/** The same tensor with one axis renamed. */
export interface Rename extends Base {
  readonly op: "rename";
  readonly arg: Node;
  readonly from: string;
  readonly to: string;
}
/** The identity, with no gradient. */
export interface Stop extends Base {
  readonly op: "stop";
  readonly arg: Node;
}
/** How attention scores queries against keys. */
export interface AttentionRule extends ScoreRule {
  readonly position: string;
  readonly dim: string;
  readonly scale: number;
}
/**
 * Causal attention. q [batch…, position, heads…, dim]; k and v carry a subset of q's head axes (grouped queries share them).
 * part "out": softmax over sources ≤ position of (q · k) · scale, times v, with q's axes; part "lse": the log-sum-exp of
 * each row of scores, without `dim` (kept for the gradient). Both parts come from one kernel.
 */
export interface Attention extends Base, AttentionRule {
  readonly op: "attention";
  readonly part: "out" | "lse";
  readonly q: Node;
  readonly k: Node;
  readonly v: Node;
}
/** The adjoints of attention's "out". `delta` = Σ over dim of out · dOut (without `dim`). Axes as the named operand. */
export interface AttentionGrad extends Base, AttentionRule {
  readonly op: "attention_grad";
  readonly part: "q" | "k" | "v";
  readonly q: Node;
  readonly k: Node;
  readonly v: Node;
  readonly lse: Node;
  readonly dOut: Node;
  readonly delta: Node;
}

export type Node =
  | Input
  | Const
  | Index
  | Cast
  | MapNode
  | Permute
  | Reduce
  | Contract
  | Gather
  | Scatter
  | Shift
  | Kth
  | Compact
  | Expand
  | Rename
  | Stop
  | Attention
  | AttentionGrad;

/** A graph is its named outputs; everything else is reachable from them. */
export interface Graph {
  readonly outputs: Readonly<Record<string, Node>>;
}

/** A dense array with named axes, row-major; what the float64 interpreter computes with. */
export interface Dense {
  readonly axes: readonly Axis[];
  readonly data: Float64Array;
}

export const sizeOf = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.size, 1);
