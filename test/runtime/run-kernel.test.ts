import { expect, test } from "vitest";
import { floatBits, type KernelCall } from "../../kernels/kernel.js";
import { sharedDevice } from "../support/device.js";
import { runKernel } from "../support/run-kernel.js";

const variant = (name: string, size: number, count: number) => ({
  name,
  wgsl: `
struct Params { count: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(${size}) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.count) { y[id.x] += params.scale * x[id.x]; }
}`,
  workgroup: [size, 1, 1] as const,
  workgroups: [Math.ceil(count / size), 1, 1] as const,
  features: [],
});

const call: KernelCall = {
  family: "axpy",
  shape: "n5",
  operands: [
    { name: "x", access: "read" },
    { name: "y", access: "read_write" },
  ],
  params: [5, floatBits(0.5)],
  variants: [variant("w1", 1, 5), variant("w4", 4, 5)],
  flops: 10,
  bytes: 60,
};

test.each([0, 1])("variant %i of a call runs on its operands", async (index) => {
  const y = new Float32Array([1, 1, 1, 1, 1]);
  const x = new Float32Array([0, 2, 4, 6, 8]);
  const results = await runKernel(await sharedDevice(), call, index, { x, y });
  expect(results).toEqual({ y: new Float32Array([1, 2, 3, 4, 5]) });
  expect([...y]).toEqual([1, 1, 1, 1, 1]);
});

test("an operand that is not given is an error", async () => {
  const device = await sharedDevice();
  await expect(runKernel(device, call, 0, {})).rejects.toThrow("axpy n5 w1 is not given x");
});
