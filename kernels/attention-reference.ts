/** Causal attention and its adjoints in float64, as the formulas say: softmax(cap(scale · Q Kᵀ)) V per query head. */
import { type AttentionSpec, ruleOf } from "./attention.kernel.js";
import { capped } from "./attention-scores.js";

type Values = ArrayLike<number>;

interface Row {
  /** Row of queries, [batch, position, groups, queries]. */
  readonly query: number;
  /** Rows of keys that it sees, [batch, position, groups]. */
  readonly keys: readonly number[];
}

const rowsOf = (spec: AttentionSpec): Row[] => {
  const { batch, position, groups, queries } = spec;
  const { within } = ruleOf(spec);
  const rows: Row[] = [];
  for (let b = 0; b < batch; b++)
    for (let t = 0; t < position; t++)
      for (let g = 0; g < groups; g++)
        for (let h = 0; h < queries; h++)
          rows.push({
            query: ((b * position + t) * groups + g) * queries + h,
            keys: Array.from({ length: t + 1 }, (_, s) => s)
              .filter((s) => within === null || t - s < within)
              .map((s) => (b * position + s) * groups + g),
          });
  return rows;
};

const dot = (a: Values, row: number, b: Values, other: number, dim: number): number => {
  let sum = 0;
  for (let i = 0; i < dim; i++) sum += (a[row * dim + i] ?? 0) * (b[other * dim + i] ?? 0);
  return sum;
};

const addRow = (
  to: Float64Array,
  row: number,
  weight: number,
  from: Values,
  other: number,
  dim: number,
): void => {
  for (let i = 0; i < dim; i++)
    to[row * dim + i] = (to[row * dim + i] ?? 0) + weight * (from[other * dim + i] ?? 0);
};

const logSumExp = (scores: readonly number[]): number => {
  const most = Math.max(...scores);
  return most + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - most), 0));
};

/** out [batch, position, groups, queries, dim] and lse without dim. */
export const referenceAttention = (
  spec: AttentionSpec,
  q: Values,
  k: Values,
  v: Values,
): { readonly out: Float64Array; readonly lse: Float64Array } => {
  const { dim, scale } = spec;
  const rows = rowsOf(spec);
  const out = new Float64Array(rows.length * dim);
  const lse = new Float64Array(rows.length);
  for (const { query, keys } of rows) {
    const scores = keys.map((key) => capped(ruleOf(spec), scale * dot(q, query, k, key, dim))[0]);
    const total = logSumExp(scores);
    lse[query] = total;
    keys.forEach((key, at) => {
      addRow(out, query, Math.exp((scores[at] ?? 0) - total), v, key, dim);
    });
  }
  return { out, lse };
};

/** dq, dk, dv for the adjoint dOut of out: with P the probabilities, dS = P ∘ (dOut Vᵀ − Σ dOut ∘ out). */
export const referenceAttentionGradient = (
  spec: AttentionSpec,
  q: Values,
  k: Values,
  v: Values,
  dOut: Values,
): { readonly dq: Float64Array; readonly dk: Float64Array; readonly dv: Float64Array } => {
  const { dim, scale } = spec;
  const { out, lse } = referenceAttention(spec, q, k, v);
  const dq = new Float64Array(q.length);
  const dk = new Float64Array(k.length);
  const dv = new Float64Array(v.length);
  for (const { query, keys } of rowsOf(spec)) {
    const delta = dot(out, query, dOut, query, dim);
    for (const key of keys) {
      const [score, slope] = capped(ruleOf(spec), scale * dot(q, query, k, key, dim));
      const probability = Math.exp(score - (lse[query] ?? 0));
      const ds = probability * (dot(dOut, query, v, key, dim) - delta) * slope * scale;
      addRow(dv, key, probability, dOut, query, dim);
      addRow(dq, query, ds, k, key, dim);
      addRow(dk, key, ds, q, query, dim);
    }
  }
  return { dq, dk, dv };
};
