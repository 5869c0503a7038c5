/** AdamW with decoupled decay (Loshchilov & Hutter, arXiv 1711.05101, algorithm 2) over one flat arena of parameters. */
import { floatBits, foldGroups, type KernelCall } from "./kernel.js";

export interface AdamwSpec {
  readonly count: number;
  readonly beta: readonly [number, number];
  readonly epsilon: number;
  readonly decay: number;
}

/** Parameters one by one, or in fours: `count` is of either. */
const wgsl = (
  parameter: "f32" | "vec4<f32>",
): string => `struct Params { count: u32, beta1: f32, beta2: f32, epsilon: f32, decay: f32, rest1: f32, rest2: f32, u0: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> weights: array<${parameter}>;
@group(0) @binding(2) var<storage, read> gradients: array<${parameter}>;
@group(0) @binding(3) var<storage, read_write> first: array<${parameter}>;
@group(0) @binding(4) var<storage, read_write> second: array<${parameter}>;
@group(0) @binding(5) var<storage, read> scalars: array<f32>;
@group(0) @binding(6) var<storage, read> norm: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let i = (w.x + w.y * 65535u) * 64u + l.x;
  if (i >= p.count) { return; }
  let g = gradients[i] * norm[1];
  let m = p.beta1 * first[i] + p.rest1 * g;
  let v = p.beta2 * second[i] + p.rest2 * g * g;
  first[i] = m;
  second[i] = v;
  let rate = scalars[0];
  let step = (m / scalars[1]) / (sqrt(v / scalars[2]) + p.epsilon);
  weights[i] = weights[i] * (1.0 - rate * p.decay) - rate * step;
}
`;

/** Operands weights, gradients, first, second [count]; scalars: rate, 1 − beta1^t, 1 − beta2^t; norm: as normFinish gives it. */
export const adamw = (spec: AdamwSpec): KernelCall => {
  const [beta1, beta2] = spec.beta;
  const inFours = spec.count % 4 === 0;
  const count = inFours ? spec.count / 4 : spec.count;
  return {
    family: "adamw",
    shape: "",
    operands: [
      { name: "weights", access: "read_write" },
      { name: "gradients", access: "read" },
      { name: "first", access: "read_write" },
      { name: "second", access: "read_write" },
      { name: "scalars", access: "read" },
      { name: "norm", access: "read" },
    ],
    params: [
      count,
      ...[beta1, beta2, spec.epsilon, spec.decay, 1 - beta1, 1 - beta2].map(floatBits),
      0,
    ],
    variants: [
      {
        name: inFours ? "four" : "element",
        wgsl: wgsl(inFours ? "vec4<f32>" : "f32"),
        workgroup: [64, 1, 1],
        workgroups: foldGroups(Math.ceil(count / 64)),
        features: [],
      },
    ],
    flops: 14 * spec.count,
    bytes: 28 * spec.count,
  };
};

export interface AdamwState {
  readonly weights: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/** One step in float64; `scale` multiplies the gradients, `bias` are 1 − beta1^t and 1 − beta2^t. */
export const referenceAdamw = (
  { beta: [beta1, beta2], epsilon, decay }: AdamwSpec,
  state: AdamwState,
  gradients: ArrayLike<number>,
  { rate, bias, scale }: { rate: number; bias: readonly [number, number]; scale: number },
): AdamwState => {
  const first = state.first.map((m, i) => beta1 * m + (1 - beta1) * (gradients[i] ?? 0) * scale);
  const second = state.second.map(
    (v, i) => beta2 * v + (1 - beta2) * ((gradients[i] ?? 0) * scale) ** 2,
  );
  const weights = state.weights.map((w, i) => {
    const step = (first[i] ?? 0) / bias[0] / (Math.sqrt((second[i] ?? 0) / bias[1]) + epsilon);
    return w * (1 - rate * decay) - rate * step;
  });
  return { weights, first, second };
};
