/** What an adapter can do at most: multiply-adds in registers, bytes streamed. Floors of kernels are told against these. */
import type { Kernel } from "../compiler/plan.js";
import { createMemory } from "./buffers.js";
import type { Device } from "./device.js";
import { DATA_USAGE, USAGE } from "./gpu-flags.js";
import { createPipelines } from "./pipelines.js";
import { waitFor } from "./wait.js";

export interface Ceiling {
  readonly flopsPerSecond: number;
  /** Read and written together. */
  readonly bytesPerSecond: number;
}

/** Few enough for 16 registers, and several steps at a time, as a loop may keep its variables in memory. */
const CHAINS = 8;
const UNROLL = 8;
const STEPS = 8192;
const STREAM_BYTES = 32 * 2 ** 20;
const INVOCATIONS = 4096;
const SAMPLES = 5;

const chains = (line: (chain: number) => string): string =>
  Array.from({ length: CHAINS }, (_, chain) => line(chain)).join("\n");

const HEADER = `@group(0) @binding(0) var<uniform> p: vec4<f32>;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4<f32>>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) g: vec3<u32>) {
`;

const steps = (sum: string): string =>
  Array.from({ length: UNROLL }).reduce<string>((inner) => `fma(${inner}, y, x)`, sum);

const MULTIPLY = `${HEADER}  let x = source[g.x].x;
  let y = p.x;
${chains((c) => `  var s${c} = x + ${c}.0;`)}
  for (var i = 0u; i < ${STEPS / UNROLL}u; i++) {
${chains((c) => `    s${c} = ${steps(`s${c}`)};`)}
  }
  result[g.x].x = ${Array.from({ length: CHAINS }, (_, c) => `s${c}`).join(" + ")};
}
`;

const STREAM = `${HEADER}  result[g.x] = source[g.x];
}
`;

const kernel = (wgsl: string): Kernel => ({ wgsl, workgroup: [64, 1, 1], features: [] });

/** Best of a few runs, each some milliseconds long. */
export const ceilingOf = async (device: Device): Promise<Ceiling> => {
  const { gpu } = device;
  const memory = createMemory(device);
  const pipelines = createPipelines(device, { multiply: kernel(MULTIPLY), stream: kernel(STREAM) });
  const params = memory.allocate("params", 256, USAGE.uniform | USAGE.copyTarget);
  gpu.queue.writeBuffer(params, 0, new Float32Array([0.5, 0.25, 0.125, 0.5]));
  const [from, to] = ["from", "to"].map((name) =>
    memory.allocate(name, STREAM_BYTES, DATA_USAGE),
  ) as [GPUBuffer, GPUBuffer];
  const best = async (name: string, workgroups: number): Promise<number> => {
    const { pipeline, layout } = await pipelines.get(name, false);
    const entries = [params, from, to].map((buffer, binding) => ({
      binding,
      resource: { buffer },
    }));
    const group = gpu.createBindGroup({ layout, entries });
    let least = Number.POSITIVE_INFINITY;
    for (let sample = 0; sample <= SAMPLES; sample++) {
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(workgroups);
      pass.end();
      const start = performance.now();
      gpu.queue.submit([encoder.finish()]);
      await waitFor(gpu.queue.onSubmittedWorkDone());
      device.check();
      least = Math.min(least, (performance.now() - start) / 1000);
    }
    return least;
  };
  try {
    const multiply = await best("multiply", INVOCATIONS / 64);
    const stream = await best("stream", STREAM_BYTES / 16 / 64);
    return {
      flopsPerSecond: (INVOCATIONS * CHAINS * STEPS * 2) / multiply,
      bytesPerSecond: (2 * STREAM_BYTES) / stream,
    };
  } finally {
    for (const buffer of [params, from, to]) memory.free(buffer);
  }
};
