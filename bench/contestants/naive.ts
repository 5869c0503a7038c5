/** The floor of a matrix product: one invocation an element, nothing shared, on Espalier's own device. */
import { openDevice } from "../../runtime/device.js";
import { MAP_READ, USAGE } from "../../runtime/gpu-flags.js";
import { waitFor } from "../../runtime/wait.js";
import { type OpenContestant, type Prepared, timed } from "../contestant.js";
import type { ProductTask } from "../task.js";
import { readFloats } from "../tensor-file.js";

const wgsl = ({ m, n, k, layout }: ProductTask): string => `
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= ${n}u || id.y >= ${m}u) { return; }
  var sum = 0.0;
  for (var l = 0u; l < ${k}u; l++) {
    sum += a[${layout === "tn" ? `l * ${m}u + id.y` : `id.y * ${k}u + l`}] * b[${layout === "nt" ? `id.x * ${k}u + l` : `l * ${n}u + id.x`}];
  }
  c[id.y * ${n}u + id.x] = sum;
}`;

const prepareProduct = async (gpu: GPUDevice, task: ProductTask): Promise<Prepared> => {
  const { m, n } = task;
  const storage = USAGE.storage | USAGE.copyTarget | USAGE.copySource;
  const inputs = [task.a, task.b].map((file) => {
    const data = readFloats(file);
    const buffer = gpu.createBuffer({ size: data.byteLength, usage: storage });
    gpu.queue.writeBuffer(buffer, 0, data);
    return buffer;
  });
  const bytes = 4 * m * n;
  const out = gpu.createBuffer({ size: bytes, usage: storage });
  const module = gpu.createShaderModule({ code: wgsl(task) });
  const pipeline = await waitFor(
    gpu.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } }),
  );
  const group = gpu.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [...inputs, out].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const run = (repeats: number): Promise<unknown> => {
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let repeat = 0; repeat < repeats; repeat++)
      pass.dispatchWorkgroups(Math.ceil(n / 8), Math.ceil(m / 8));
    pass.end();
    gpu.queue.submit([encoder.finish()]);
    return waitFor(gpu.queue.onSubmittedWorkDone());
  };
  return {
    time: (repeats) => timed(() => run(repeats)),
    result: async () => {
      await run(1);
      const staging = gpu.createBuffer({ size: bytes, usage: USAGE.mapRead | USAGE.copyTarget });
      const encoder = gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(out, 0, staging, 0, bytes);
      gpu.queue.submit([encoder.finish()]);
      await waitFor(staging.mapAsync(MAP_READ));
      return [new Float32Array(staging.getMappedRange().slice(0))];
    },
  };
};

export const open: OpenContestant = async ({ adapter }) => {
  const { gpu } = await openDevice({ adapter });
  return {
    about: "one invocation an element",
    prepare: async (task) => (task.kind === "product" ? prepareProduct(gpu, task) : null),
  };
};
