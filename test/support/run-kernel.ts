/** Runs one variant of a kernel call on given arrays, as the executor would, to compare with a float64 reference. */
import type { KernelCall, Variant } from "../../kernels/kernel.js";
import { createMemory, type Memory } from "../../runtime/buffers.js";
import { canRun } from "../../runtime/candidates.js";
import type { Device } from "../../runtime/device.js";
import { DATA_USAGE, USAGE } from "../../runtime/gpu-flags.js";
import { createPipelines } from "../../runtime/pipelines.js";
import { readBack } from "../../runtime/readback.js";
import { waitFor } from "../../runtime/wait.js";

export type Operands = Readonly<Record<string, Float32Array | Uint32Array>>;

const upload = (
  { gpu }: Device,
  memory: Memory,
  name: string,
  data: Float32Array | Uint32Array,
): GPUBuffer => {
  const buffer = memory.allocate(name, data.byteLength, DATA_USAGE);
  gpu.queue.writeBuffer(buffer, 0, data);
  return buffer;
};

type Compiled = Awaited<ReturnType<ReturnType<typeof createPipelines>["get"]>>;

/** By text: shapes that differ in their params alone share a pipeline, as they do in a run. */
const compiled = new WeakMap<Device, Map<string, Promise<Compiled>>>();

const pipelineOf = (device: Device, id: string, variant: Variant): Promise<Compiled> => {
  const known = compiled.get(device) ?? new Map<string, Promise<Compiled>>();
  compiled.set(device, known);
  const found =
    known.get(variant.wgsl) ?? createPipelines(device, { [id]: variant }).get(id, false);
  known.set(variant.wgsl, found);
  return found;
};

/** Submits the dispatch; throws what WebGPU has against it. */
const dispatch = async (
  { gpu }: Device,
  pipeline: GPUComputePipeline,
  group: () => GPUBindGroup,
  workgroups: readonly [number, number, number],
): Promise<void> => {
  gpu.pushErrorScope("validation");
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group());
  pass.dispatchWorkgroups(...workgroups);
  pass.end();
  gpu.queue.submit([encoder.finish()]);
  const invalid = await waitFor(gpu.popErrorScope());
  if (invalid !== null) throw new Error(invalid.message);
};

/** Every operand must be given; the given arrays are not changed. Returns the read_write operands afterwards. */
export const runKernel = async (
  device: Device,
  call: KernelCall,
  variantIndex: number,
  operands: Operands,
): Promise<Record<string, Float32Array>> => {
  const variant = call.variants[variantIndex];
  if (variant === undefined) throw new Error(`${call.family} has no variant ${variantIndex}`);
  const id = `${call.family} ${call.shape} ${variant.name}`;
  const { pipeline, layout } = await pipelineOf(device, id, variant);
  const memory = createMemory(device);
  const params = memory.allocate(
    "params",
    Math.max(256, call.params.length * 4),
    USAGE.uniform | USAGE.copyTarget,
  );
  device.gpu.queue.writeBuffer(params, 0, new Uint32Array(call.params));
  const buffers = call.operands.map(({ name }) => {
    const data = operands[name];
    if (data === undefined) throw new Error(`${id} is not given ${name}`);
    return upload(device, memory, name, data);
  });
  const entries = [params, ...buffers].map((buffer, binding) => ({
    binding,
    resource: { buffer },
  }));
  try {
    const group = () => device.gpu.createBindGroup({ layout, entries });
    await dispatch(device, pipeline, group, variant.workgroups);
    const results: Record<string, Float32Array> = {};
    for (const [index, { name, access }] of call.operands.entries()) {
      const buffer = buffers[index];
      if (access !== "read_write" || buffer === undefined) continue;
      const bytes = await readBack(device, memory, buffer, 0, buffer.size);
      results[name] = new Float32Array(bytes);
    }
    return results;
  } finally {
    for (const buffer of [params, ...buffers]) memory.free(buffer);
  }
};

/** Indices of the variants that the device can run; there is always one. */
export const runnable = ({ report }: Device, call: KernelCall): readonly number[] => {
  const found = call.variants.flatMap((variant, index) => (canRun(report, variant) ? [index] : []));
  if (found.length === 0) throw new Error(`no variant of ${call.family} runs here`);
  return found;
};
