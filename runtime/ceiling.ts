/** What an adapter can do at most: multiply-adds in registers, bytes streamed. Floors of kernels are told against these. */
import type { Kernel } from "../compiler/plan.js";
import { foldGroups } from "../kernels/kernel.js";
import { workerOf } from "./adapter.js";
import { createMemory } from "./buffers.js";
import type { Device } from "./device.js";
import { DATA_USAGE, USAGE } from "./gpu-flags.js";
import { repeatsFor, sampleMsOn } from "./measure.js";
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
/** A GPU has thousands of processors, and a cache that a small stream would stay in. */
const SIZES = {
  gpu: { invocations: 2 ** 18, steps: 1024, streamed: 2 ** 29, warmMs: 1500 },
  software: { invocations: 4096, steps: 8192, streamed: 2 ** 25, warmMs: 0 },
} as const;
const SAMPLES = 5;

const chains = (line: (chain: number) => string): string =>
  Array.from({ length: CHAINS }, (_, chain) => line(chain)).join("\n");

const HEADER = `@group(0) @binding(0) var<uniform> p: vec4<f32>;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4<f32>>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let own = (w.x + w.y * 65535u) * 64u + l;
`;

const steps = (sum: string): string =>
  Array.from({ length: UNROLL }).reduce<string>((inner) => `fma(${inner}, y, x)`, sum);

const multiplying = (stepsInAll: number): string => `${HEADER}  let x = source[own].x;
  let y = p.x;
${chains((c) => `  var s${c} = x + ${c}.0;`)}
  for (var i = 0u; i < ${stepsInAll / UNROLL}u; i++) {
${chains((c) => `    s${c} = ${steps(`s${c}`)};`)}
  }
  result[own].x = ${Array.from({ length: CHAINS }, (_, c) => `s${c}`).join(" + ")};
}
`;

const STREAM = `${HEADER}  if (own < arrayLength(&result)) { result[own] = source[own]; }
}
`;

const kernel = (wgsl: string): Kernel => ({ wgsl, workgroup: [64, 1, 1], features: [] });

/** Best of a few samples, after as long a time as the adapter takes to raise its clocks. */
export const ceilingOf = async (device: Device): Promise<Ceiling> => {
  const { gpu, report } = device;
  const { invocations, steps: inAll, streamed, warmMs } = SIZES[workerOf(report.kind)];
  const sampleMs = sampleMsOn(report.kind);
  const memory = createMemory(device);
  const pipelines = createPipelines(device, {
    multiply: kernel(multiplying(inAll)),
    stream: kernel(STREAM),
  });
  const params = memory.allocate("params", 256, USAGE.uniform | USAGE.copyTarget);
  gpu.queue.writeBuffer(params, 0, new Float32Array([0.5, 0.25, 0.125, 0.5]));
  const [from, to] = ["from", "to"].map((name) => memory.allocate(name, streamed, DATA_USAGE)) as [
    GPUBuffer,
    GPUBuffer,
  ];
  const best = async (name: string, workgroups: number, warm = 0): Promise<number> => {
    const { pipeline, layout } = await pipelines.get(name, false);
    const entries = [params, from, to].map((buffer, binding) => ({
      binding,
      resource: { buffer },
    }));
    const group = gpu.createBindGroup({ layout, entries });
    const sample = async (repeats: number): Promise<number> => {
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      for (let run = 0; run < repeats; run++) pass.dispatchWorkgroups(...foldGroups(workgroups));
      pass.end();
      const start = performance.now();
      gpu.queue.submit([encoder.finish()]);
      await waitFor(gpu.queue.onSubmittedWorkDone());
      device.check();
      return (performance.now() - start) / repeats;
    };
    await sample(1);
    let least = await sample(1);
    for (const end = performance.now() + warm; performance.now() < end; )
      least = Math.min(least, await sample(repeatsFor(least, sampleMs)));
    for (let at = 0; at < SAMPLES; at++)
      least = Math.min(least, await sample(repeatsFor(least, sampleMs)));
    return least / 1000;
  };
  try {
    const multiply = await best("multiply", invocations / 64, warmMs);
    const stream = await best("stream", streamed / 16 / 64);
    return {
      flopsPerSecond: (invocations * CHAINS * inAll * 2) / multiply,
      bytesPerSecond: (2 * streamed) / stream,
    };
  } finally {
    for (const buffer of [params, from, to]) memory.free(buffer);
  }
};
