/**
 * Causal attention and its adjoints in float64 (Vaswani et al. 2017; adjoints as FlashAttention-2, section 3.1), with
 * scores that may be capped (arXiv 2408.00118, section 2) and sources that may be too far back to see.
 */
import { capped } from "../../kernels/attention-scores.js";
import { withoutAxes } from "./axes.js";
import { offsets, offsetsInto, stridesOf } from "./strides.js";
import {
  type Attention,
  type AttentionGrad,
  type AttentionRule,
  type Node,
  sizeOf,
} from "./tensor.js";

type Values = (node: Node) => Float64Array;

/** Where each row of queries and its keys and values start, and the strides within. */
interface Rows {
  /** Offsets per row (q's axes without dim). */
  readonly q: Int32Array;
  /** At position 0: sources step by `kSource` and `vSource` from there. */
  readonly k: Int32Array;
  readonly v: Int32Array;
  readonly position: Int32Array;
  readonly kSource: number;
  readonly vSource: number;
  readonly qDim: number;
  readonly kDim: number;
  readonly vDim: number;
  readonly dim: number;
}

const rowsOf = (node: Attention | AttentionGrad): Rows => {
  const { q, k, v, position, dim } = node;
  const rows = withoutAxes(q.axes, [dim]);
  const still = (operand: Node): Int32Array => {
    const strides = new Map(stridesOf(operand.axes));
    strides.delete(position);
    return offsets(rows, strides);
  };
  const stride = (operand: Node, axis: string): number => stridesOf(operand.axes).get(axis) ?? 0;
  return {
    q: offsetsInto(rows, q.axes),
    k: still(k),
    v: still(v),
    position: offsets(rows, new Map([[position, 1]])),
    kSource: stride(k, position),
    vSource: stride(v, position),
    qDim: stride(q, dim),
    kDim: stride(k, dim),
    vDim: stride(v, dim),
    dim: q.axes.find((a) => a.name === dim)?.size ?? 0,
  };
};

/** The first source that a position sees. */
const firstSeen = ({ within }: AttentionRule, position: number): number =>
  within === null ? 0 : Math.max(0, position + 1 - within);

const dot = (
  [A, a, aStep]: readonly [Float64Array, number, number],
  [B, b, bStep]: readonly [Float64Array, number, number],
  count: number,
): number => {
  let total = 0;
  for (let d = 0; d < count; d++)
    total += (A[a + d * aStep] as number) * (B[b + d * bStep] as number);
  return total;
};

/** into[at + d·step] += factor · from[start + d·fromStep] */
const addScaled = (
  [into, at, step]: readonly [Float64Array, number, number],
  factor: number,
  [from, start, fromStep]: readonly [Float64Array, number, number],
  count: number,
): void => {
  for (let d = 0; d < count; d++)
    into[at + d * step] =
      (into[at + d * step] as number) + factor * (from[start + d * fromStep] as number);
};

export const evaluateAttention = (node: Attention, values: Values): Float64Array => {
  const rows = rowsOf(node);
  const [Q, K, V] = [values(node.q), values(node.k), values(node.v)];
  const out = new Float64Array(sizeOf(node.axes));
  const scores = new Float64Array(node.q.axes.find((a) => a.name === node.position)?.size ?? 0);
  for (let i = 0; i < rows.q.length; i++) {
    const [q, k, v] = [rows.q[i] as number, rows.k[i] as number, rows.v[i] as number];
    const last = rows.position[i] as number;
    const first = firstSeen(node, last);
    let most = Number.NEGATIVE_INFINITY;
    for (let s = first; s <= last; s++) {
      const key = [K, k + s * rows.kSource, rows.kDim] as const;
      const [score] = capped(node, node.scale * dot([Q, q, rows.qDim], key, rows.dim));
      scores[s] = score;
      most = Math.max(most, score);
    }
    let total = 0;
    for (let s = first; s <= last; s++) total += Math.exp((scores[s] as number) - most);
    if (node.part === "lse") {
      out[i] = most + Math.log(total);
      continue;
    }
    for (let s = first; s <= last; s++) {
      const weight = Math.exp((scores[s] as number) - most) / total;
      addScaled([out, q, rows.qDim], weight, [V, v + s * rows.vSource, rows.vDim], rows.dim);
    }
  }
  return out;
};

export const evaluateAttentionGrad = (node: AttentionGrad, values: Values): Float64Array => {
  const rows = rowsOf(node);
  const [Q, K, V, dOut] = [values(node.q), values(node.k), values(node.v), values(node.dOut)];
  const [lse, delta] = [values(node.lse), values(node.delta)];
  const out = new Float64Array(sizeOf(node.axes));
  for (let i = 0; i < rows.q.length; i++) {
    const query = [Q, rows.q[i] as number, rows.qDim] as const;
    const upstream = [dOut, rows.q[i] as number, rows.qDim] as const;
    const last = rows.position[i] as number;
    for (let s = firstSeen(node, last); s <= last; s++) {
      const k = (rows.k[i] as number) + s * rows.kSource;
      const v = (rows.v[i] as number) + s * rows.vSource;
      const key = [K, k, rows.kDim] as const;
      const [score, slope] = capped(node, node.scale * dot(query, key, rows.dim));
      const weight = Math.exp(score - (lse[i] as number));
      if (node.part === "v") {
        addScaled([out, v, rows.vDim], weight, upstream, rows.dim);
        continue;
      }
      const dWeight = dot(upstream, [V, v, rows.vDim], rows.dim);
      const dScore = node.scale * slope * weight * (dWeight - (delta[i] as number));
      if (node.part === "q") addScaled([out, query[1], rows.qDim], dScore, key, rows.dim);
      else addScaled([out, k, rows.kDim], dScore, query, rows.dim);
    }
  }
  return out;
};
