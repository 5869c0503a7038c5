/**
 * The gradient of an embedding: row v sums the gradients of the tokens that are v, in order of position. Tokens come
 * sorted into buckets from the host, so that each row has one owner and nothing is atomic.
 */
import { foldGroups, type KernelCall } from "./kernel.js";

export interface EmbeddingGradientSpec {
  readonly rows: number;
  readonly columns: number;
  readonly tokens: number;
  readonly accumulate: boolean;
  /** The part of the rows to compute, and the element of out's binding where it begins; default all. */
  readonly piece?: { readonly start: number; readonly length: number; readonly base: number };
}

const WGSL = `struct Params { rows: u32, columns: u32, add: u32, start: u32, length: u32, base: u32, u0: u32, u1: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> value: array<f32>;
@group(0) @binding(2) var<storage, read> buckets: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let id = (w.x + w.y * 65535u) * 64u + l.x;
  if (id >= p.length * p.columns) { return; }
  let own = id / p.columns;
  let column = id - own * p.columns;
  let row = p.start + own;
  var sum = 0.0;
  for (var i = buckets[row]; i < buckets[row + 1u]; i++) {
    sum += value[buckets[p.rows + 1u + i] * p.columns + column];
  }
  if (p.add != 0u) { sum += out[p.base + id]; }
  out[p.base + id] = sum;
}
`;

/** Operands value [tokens, columns], buckets (u32: starts[rows + 1], then order[tokens]), out [rows, columns]. */
export const embeddingGradient = (spec: EmbeddingGradientSpec): KernelCall => {
  const { start, length, base } = spec.piece ?? { start: 0, length: spec.rows, base: 0 };
  return {
    family: "embedding gradient",
    shape: `r${spec.rows} c${spec.columns}`,
    operands: [
      { name: "value", access: "read" },
      { name: "buckets", access: "read" },
      { name: "out", access: "read_write" },
    ],
    params: [spec.rows, spec.columns, spec.accumulate ? 1 : 0, start, length, base, 0, 0],
    variants: [
      {
        name: "element",
        wgsl: WGSL,
        workgroup: [64, 1, 1],
        workgroups: foldGroups(Math.ceil((length * spec.columns) / 64)),
        features: [],
      },
    ],
    flops: spec.tokens * spec.columns,
    bytes: 4 * (spec.tokens + spec.rows) * spec.columns,
  };
};

/** The sums in float64: out [rows, columns] of value [tokens, columns] by the row that each token names. */
export const referenceEmbeddingGradient = (
  { rows, columns, accumulate }: EmbeddingGradientSpec,
  value: ArrayLike<number>,
  tokens: ArrayLike<number>,
  out: ArrayLike<number>,
): Float64Array => {
  const sums = new Float64Array(rows * columns);
  if (accumulate) sums.set(Array.from(out));
  for (let token = 0; token < tokens.length; token++)
    for (let column = 0; column < columns; column++) {
      const at = (tokens[token] ?? 0) * columns + column;
      sums[at] = (sums[at] ?? 0) + (value[token * columns + column] ?? 0);
    }
  return sums;
};
