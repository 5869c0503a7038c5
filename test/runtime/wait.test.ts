import { describe, expect, test } from "vitest";
import { waitFor, waitsUnderWay } from "../../runtime/wait.js";
import { spawnSource } from "../support/spawn-source.js";

const delay = (ms: number): Promise<number> =>
  new Promise((resolve) => setTimeout(() => resolve(ms), ms));

describe("waiting", () => {
  test("replaces the immediates while it lasts, however waits overlap", async () => {
    const real = [globalThis.setImmediate, globalThis.clearImmediate];
    const first = waitFor(delay(5));
    const second = waitFor(delay(15));
    expect(waitsUnderWay()).toBe(2);
    expect(globalThis.setImmediate).not.toBe(real[0]);
    expect(await first).toBe(5);
    expect(globalThis.setImmediate).not.toBe(real[0]);
    expect(await second).toBe(15);
    expect([globalThis.setImmediate, globalThis.clearImmediate]).toEqual(real);
    expect(waitsUnderWay()).toBe(0);
  });

  test("puts them back when what it waits for fails", async () => {
    const real = globalThis.setImmediate;
    await expect(waitFor(Promise.reject(new Error("lost")))).rejects.toThrow("lost");
    expect(globalThis.setImmediate).toBe(real);
  });

  test("leaves immediates working: with arguments, and cleared by either", async () => {
    const ran: string[] = [];
    const early = setImmediate(() => ran.push("early"));
    await waitFor(
      (async () => {
        clearImmediate(early);
        const late = setImmediate(() => ran.push("late"));
        clearImmediate(late);
        await new Promise((done) => setImmediate(done, "x"));
        setImmediate((...args: string[]) => ran.push(...args), "kept");
        await delay(10);
      })(),
    );
    expect(ran).toEqual(["kept"]);
  });
});

/** Busy work of some 0.1 s and more on the device, and the CPU time that this thread took meanwhile. */
const BUSY = (wait: string): string => `
import { openDevice } from "./runtime/device.js";
import { createPipelines } from "./runtime/pipelines.js";
import { waitFor } from "./runtime/wait.js";
const device = await openDevice({ adapter: process.env.ESPALIER_ADAPTER ?? "embedded" });
const { gpu } = device;
const wgsl = \`@group(0) @binding(0) var<uniform> count: u32;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  var v = x[id.x];
  for (var i = 0u; i < count; i++) { v = v * 1.0001 + 0.5; }
  x[id.x] = v;
}\`;
const kernels = { k: { wgsl, workgroup: [64, 1, 1] as const, features: [] } };
const { pipeline, layout } = await createPipelines(device, kernels).get("k", false);
const params = gpu.createBuffer({ size: 256, usage: 0x48 });
const x = gpu.createBuffer({ size: 64 * 256 * 4, usage: 0x80 });
const group = gpu.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer: params } }, { binding: 1, resource: { buffer: x } }] });
const thread = () => performance.eventLoopUtilization();
const run = async (count) => {
  gpu.queue.writeBuffer(params, 0, new Uint32Array([count]));
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(256);
  pass.end();
  const start = performance.now();
  gpu.queue.submit([encoder.finish()]);
  const before = thread();
  await ${wait}(gpu.queue.onSubmittedWorkDone());
  return { ms: performance.now() - start, busy: performance.eventLoopUtilization(before).active };
};
await run(1);
let count = 2000;
while ((await run(count)).ms < 200 && count < 2 ** 28) count *= 2;
const { ms, busy } = await run(count);
console.log(JSON.stringify({ ms, busy }));
device.close();
`;

const busyShare = async (wait: string): Promise<number> => {
  const { code, stdout, stderr } = await spawnSource(BUSY(wait));
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const { ms, busy } = JSON.parse(stdout) as { ms: number; busy: number };
  expect(ms).toBeGreaterThan(50);
  return busy / ms;
};

describe("the main thread", () => {
  test("is idle while the device works", async () => {
    expect(await busyShare("waitFor")).toBeLessThan(0.3);
  });

  test("would be busy without: what this file is for is still there", async () => {
    expect(await busyShare("")).toBeGreaterThan(0.5);
  });
});
