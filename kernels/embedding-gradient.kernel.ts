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
}

const WGSL = `struct Params { rows: u32, columns: u32, add: u32, u0: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> value: array<f32>;
@group(0) @binding(2) var<storage, read> buckets: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let id = (w.x + w.y * 65535u) * 64u + l.x;
  if (id >= p.rows * p.columns) { return; }
  let row = id / p.columns;
  let column = id - row * p.columns;
  var sum = 0.0;
  for (var i = buckets[row]; i < buckets[row + 1u]; i++) {
    sum += value[buckets[p.rows + 1u + i] * p.columns + column];
  }
  if (p.add != 0u) { sum += out[id]; }
  out[id] = sum;
}
`;

/** Operands value [tokens, columns], buckets (u32: starts[rows + 1], then order[tokens]), out [rows, columns]. */
export const embeddingGradient = (spec: EmbeddingGradientSpec): KernelCall => ({
  family: "embedding gradient",
  shape: `r${spec.rows} c${spec.columns}`,
  operands: [
    { name: "value", access: "read" },
    { name: "buckets", access: "read" },
    { name: "out", access: "read_write" },
  ],
  params: [spec.rows, spec.columns, spec.accumulate ? 1 : 0, 0],
  variants: [
    {
      name: "element",
      wgsl: WGSL,
      workgroup: [64, 1, 1],
      workgroups: foldGroups(Math.ceil((spec.rows * spec.columns) / 64)),
      features: [],
    },
  ],
  flops: spec.tokens * spec.columns,
  bytes: 4 * (spec.tokens + spec.rows) * spec.columns,
});
