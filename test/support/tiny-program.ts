/**
 * A program made by hand, for tests of the executor: scratch = weight[tokens] * rate + ramp, then per value of `tokens`
 * the sum of its scratch entries. One dispatch has two launches that do the same.
 */
import type { Kernel, Program } from "../../compiler/plan.js";

export const VALUES = 5;
export const POSITIONS = 7;

const gather = (size: number): string => `
struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> tokens: array<u32>;
@group(0) @binding(3) var<storage, read> rate: array<f32>;
@group(0) @binding(4) var<storage, read> ramp: array<f32>;
@group(0) @binding(5) var<storage, read_write> result: array<f32>;
@compute @workgroup_size(${size}) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.count) { result[id.x] = weight[tokens[id.x]] * rate[0] + ramp[id.x]; }
}`;

const sum = `
struct Params { size: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> value: array<f32>;
@group(0) @binding(2) var<storage, read> buckets: array<u32>;
@group(0) @binding(3) var<storage, read_write> result: array<f32>;
@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.size) { return; }
  var total = 0.0;
  for (var at = buckets[id.x]; at < buckets[id.x + 1u]; at++) {
    total += value[buckets[params.size + 1u + at]];
  }
  result[id.x] = total;
}`;

const kernel = (wgsl: string, size: number): Kernel => ({
  wgsl,
  workgroup: [size, 1, 1],
  features: [],
});

export const tinyKernels: Readonly<Record<string, Kernel>> = {
  "gather 4": kernel(gather(4), 4),
  "gather 8": kernel(gather(8), 8),
  sum: kernel(sum, 8),
};

const whole = (buffer: string, words: number) => ({ buffer, offset: 0, bytes: words * 4 });

const weight = whole("tiny.weight", VALUES);
const tokens = whole("tokens", POSITIONS);
const rate = whole("scalars", 1);
const buckets = whole("buckets", VALUES + 1 + POSITIONS);
const ramp = whole("ramp", POSITIONS);
const scratch = whole("scratch", POSITIONS);
const result = whole("result", VALUES);

export const tinyProgram: Program = {
  name: "tiny",
  buffers: [
    { id: "tiny.weight", role: "state", bytes: weight.bytes },
    { id: "tokens", role: "feed", bytes: tokens.bytes },
    { id: "scalars", role: "feed", bytes: rate.bytes },
    { id: "buckets", role: "feed", bytes: buckets.bytes },
    { id: "ramp", role: "constant", bytes: ramp.bytes },
    { id: "scratch", role: "scratch", bytes: scratch.bytes },
    { id: "result", role: "output", bytes: result.bytes },
  ],
  feeds: [
    { name: "tokens", binding: tokens, source: { kind: "tokens" } },
    { name: "scalars", binding: rate, source: { kind: "scalars" }, names: ["rate"] },
    {
      name: "buckets",
      binding: buckets,
      source: { kind: "buckets", of: "tokens", size: VALUES },
    },
  ],
  constants: [
    {
      binding: ramp,
      axes: [{ name: "position", size: POSITIONS }],
      value: {
        op: "div",
        args: [
          { op: "variable", name: "position" },
          { op: "number", value: 8 },
        ],
      },
    },
  ],
  dispatches: [
    {
      label: "gather weight",
      tuning: "gather",
      launches: [
        { kernel: "gather 4", workgroups: [2, 1, 1] },
        { kernel: "gather 8", workgroups: [1, 1, 1] },
      ],
      bindings: [weight, tokens, rate, ramp, scratch],
      params: [POSITIONS],
      flops: 2 * POSITIONS,
      bytes: 0,
    },
    {
      label: "sum by token",
      tuning: "sum",
      launches: [{ kernel: "sum", workgroups: [1, 1, 1] }],
      bindings: [scratch, buckets, result],
      params: [VALUES],
      flops: POSITIONS,
      bytes: 0,
    },
  ],
  outputs: [{ name: "result", binding: result, axes: [{ name: "value", size: VALUES }] }],
};

/** What the program gives, in exact arithmetic where the weights are small whole numbers. */
export const tinyResult = (
  weights: readonly number[],
  indices: readonly number[],
  scale: number,
): number[] => {
  const totals = Array.from({ length: VALUES }, () => 0);
  indices.forEach((value, position) => {
    totals[value] = (totals[value] ?? 0) + (weights[value] ?? 0) * scale + position / 8;
  });
  return totals;
};
