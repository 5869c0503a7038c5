/** The global norm of a flat arena and the factor that clips it: partial sums of squares, then one fixed-order sum. */
import { floatBits, foldGroups, type KernelCall, type Variant } from "./kernel.js";

/** Partial sums; each invocation of the first stage owns one, or each workgroup of LANES. */
export const NORM_PARTIALS = 1024;
const LANES = 256;
/** From so many numbers on, NORM_PARTIALS invocations may be too few for a GPU; below, a second text is not worth it. */
export const NORM_LARGE = 2 ** 22;

const PARTIAL = `struct Params { count: u32, stride: u32, u0: u32, u1: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> gradients: array<f32>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) g: vec3<u32>) {
  var sum = 0.0;
  for (var i = g.x; i < p.count; i += p.stride) {
    let x = gradients[i];
    sum = fma(x, x, sum);
  }
  partials[g.x] = sum;
}
`;

/** As many partial sums, each of a workgroup whose invocations join theirs in a fixed tree. */
const SHARED = `struct Params { count: u32, stride: u32, u0: u32, u1: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> gradients: array<f32>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;
var<workgroup> parts: array<f32, ${LANES}>;

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = w.x * ${LANES}u + lane; i < p.count; i += p.stride * ${LANES}u) {
    let x = gradients[i];
    sum = fma(x, x, sum);
  }
  parts[lane] = sum;
  workgroupBarrier();
  for (var half = ${LANES / 2}u; half > 0u; half /= 2u) {
    if (lane < half) { parts[lane] += parts[lane + half]; }
    workgroupBarrier();
  }
  if (lane == 0u) { partials[w.x] = parts[0]; }
}
`;

const FINISH = `struct Params { partials: u32, clip: f32, factor: f32, clips: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(1)
fn main() {
  var sum = 0.0;
  for (var i = 0u; i < p.partials; i++) { sum += partials[i]; }
  let norm = sqrt(sum) * p.factor;
  var scale = p.factor;
  if (p.clips != 0u && norm > p.clip) { scale = p.factor * p.clip / (norm + 1e-6); }
  out[0] = norm;
  out[1] = scale;
}
`;

const BY_WORKGROUP: Variant = {
  name: "by workgroup",
  wgsl: SHARED,
  workgroup: [LANES, 1, 1],
  workgroups: foldGroups(NORM_PARTIALS),
  features: [],
};

/** Operands gradients [count], partials [NORM_PARTIALS]. */
export const normPartials = (count: number): KernelCall => ({
  family: "global norm, partial sums",
  shape: count < NORM_LARGE ? "" : "large",
  operands: [
    { name: "gradients", access: "read" },
    { name: "partials", access: "read_write" },
  ],
  params: [count, NORM_PARTIALS, 0, 0],
  variants: [
    {
      name: "strided",
      wgsl: PARTIAL,
      workgroup: [64, 1, 1],
      workgroups: foldGroups(NORM_PARTIALS / 64),
      features: [],
    },
    ...(count < NORM_LARGE ? [] : [BY_WORKGROUP]),
  ],
  flops: 2 * count,
  bytes: 4 * count,
});

/** Operands partials, out [2]: the norm of factor · gradients, and the factor that scales and clips them to `clip`. */
export const normFinish = (
  factor: number,
  clip: number | null,
  partials: number = NORM_PARTIALS,
): KernelCall => ({
  family: "global norm",
  shape: "",
  operands: [
    { name: "partials", access: "read" },
    { name: "out", access: "read_write" },
  ],
  params: [partials, floatBits(clip ?? 0), floatBits(factor), clip === null ? 0 : 1],
  variants: [
    { name: "serial", wgsl: FINISH, workgroup: [1, 1, 1], workgroups: [1, 1, 1], features: [] },
  ],
  flops: partials,
  bytes: 4 * partials,
});

/** normFinish in float64: the norm of factor · gradients, and the factor that clips it. */
export const referenceNorm = (
  gradients: ArrayLike<number>,
  factor: number,
  clip: number | null,
): readonly [number, number] => {
  let sum = 0;
  for (let i = 0; i < gradients.length; i++) sum += (gradients[i] ?? 0) ** 2;
  const norm = Math.sqrt(sum) * factor;
  return [norm, clip !== null && norm > clip ? (factor * clip) / (norm + 1e-6) : factor];
};
