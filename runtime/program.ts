/** A program on the device: its buffers, constants and bind groups made once, its dispatches encoded for each run. */
import type { Binding, BufferSpec, Dispatch, Launch, Program } from "../compiler/plan.js";
import type { Memory } from "./buffers.js";
import type { Device } from "./device.js";
import { DeviceError, firstLine, mebibytes } from "./device-error.js";
import { type FeedData, feedArrays } from "./feeds.js";
import { DATA_USAGE, USAGE } from "./gpu-flags.js";
import { chooseLaunches } from "./launches.js";
import type { Pipelines } from "./pipelines.js";
import { scalarTable } from "./scalar.js";
import type { Tuning } from "./tune.js";
import { waitFor } from "./wait.js";

export interface ProgramContext {
  readonly device: Device;
  readonly memory: Memory;
  readonly pipelines: Pipelines;
  readonly tuning: Tuning;
  /** The state buffer of a name, made where there is none yet. */
  readonly state: (name: string, bytes: number) => GPUBuffer;
}

/** A dispatch ready to be encoded. */
interface Step {
  readonly kernel: string;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

export interface ResidentProgram {
  readonly program: Program;
  /** Queues the feeds; they reach the device before what is submitted next. */
  readonly feed: (data: FeedData) => void;
  readonly encode: () => GPUCommandBuffer;
  /** One dispatch alone, so many times over: what it reads is what the last run left. */
  readonly encodeOne: (index: number, repeats: number) => GPUCommandBuffer;
  /** The kernel that each dispatch uses here. */
  readonly kernels: readonly string[];
  readonly bufferOf: (binding: Binding) => GPUBuffer;
  readonly scratch: readonly GPUBuffer[];
  readonly free: () => void;
}

const makeBuffers = (
  { memory, state }: ProgramContext,
  program: Program,
): ReadonlyMap<string, { readonly spec: BufferSpec; readonly buffer: GPUBuffer }> =>
  new Map(
    program.buffers.map((spec) => [
      spec.id,
      {
        spec,
        buffer:
          spec.role === "state"
            ? state(spec.id, spec.bytes)
            : memory.allocate(`${program.name} ${spec.id}`, spec.bytes, DATA_USAGE),
      },
    ]),
  );

/** Every dispatch's params in one uniform buffer, a slot each. */
interface Params {
  readonly buffer: GPUBuffer;
  readonly range: (index: number) => GPUBufferBinding;
}

const makeParams = ({ device, memory }: ProgramContext, program: Program): Params => {
  const align = device.gpu.limits.minUniformBufferOffsetAlignment;
  const longest = program.dispatches.reduce((most, { params }) => Math.max(most, params.length), 4);
  const slot = Math.ceil((longest * 4) / align) * align;
  const words = new Uint32Array((slot / 4) * Math.max(1, program.dispatches.length));
  program.dispatches.forEach(({ params }, index) => {
    words.set(params, (index * slot) / 4);
  });
  const usage = USAGE.uniform | USAGE.copyTarget;
  const buffer = memory.allocate(`${program.name} params`, words.byteLength, usage);
  device.gpu.queue.writeBuffer(buffer, 0, words);
  return { buffer, range: (index) => ({ buffer, offset: index * slot, size: slot }) };
};

/** WebGPU refuses a buffer that one dispatch both reads and writes unless every binding of it may be written. */
const readsWhatItWrites = (dispatch: Dispatch, access: readonly string[]): boolean =>
  dispatch.bindings.some(
    ({ buffer }, index) =>
      access[index] === "read" &&
      dispatch.bindings.some((other, at) => other.buffer === buffer && access[at] === "read_write"),
  );

const launchOf = (dispatch: Dispatch, chosen: ReadonlyMap<string, number>): Launch => {
  const launch = dispatch.launches[chosen.get(dispatch.tuning) ?? 0];
  if (launch === undefined) throw new DeviceError(`${dispatch.label} has no launch to use`);
  return launch;
};

const checkBindings = ({ report }: Device, program: Program): void => {
  const { maxStorageBufferBindingSize: most = 0 } = report.limits;
  for (const { label, bindings } of program.dispatches)
    for (const { bytes } of bindings)
      if (bytes > most)
        throw new DeviceError(
          `${label} binds ${mebibytes(bytes)} at once, and this adapter allows ${mebibytes(most)}`,
        );
};

const makeSteps = async (
  { device, pipelines }: ProgramContext,
  program: Program,
  chosen: ReadonlyMap<string, number>,
  params: Params,
  bufferOf: (binding: Binding) => GPUBuffer,
): Promise<readonly Step[]> => {
  const launches = program.dispatches.map((dispatch) => launchOf(dispatch, chosen));
  const compiled = await Promise.all(
    program.dispatches.map((dispatch, index) => {
      const { kernel } = launches[index] ?? launchOf(dispatch, chosen);
      return pipelines.get(kernel, readsWhatItWrites(dispatch, pipelines.access(kernel)));
    }),
  );
  device.gpu.pushErrorScope("validation");
  const steps = program.dispatches.flatMap((dispatch, index): Step[] => {
    const [launch, made] = [launches[index], compiled[index]];
    if (launch === undefined || made === undefined) return [];
    const group = device.gpu.createBindGroup({
      label: dispatch.label,
      layout: made.layout,
      entries: [
        { binding: 0, resource: params.range(index) },
        ...dispatch.bindings.map((binding, at) => ({
          binding: at + 1,
          resource: { buffer: bufferOf(binding), offset: binding.offset, size: binding.bytes },
        })),
      ],
    });
    const { kernel, workgroups } = launch;
    return [{ kernel, pipeline: made.pipeline, group, workgroups }];
  });
  const invalid = await waitFor(device.gpu.popErrorScope());
  if (invalid !== null)
    throw new DeviceError(`program ${program.name} cannot be bound: ${firstLine(invalid.message)}`);
  return steps;
};

const encodeSteps = (gpu: GPUDevice, label: string, steps: readonly Step[]): GPUCommandBuffer => {
  const encoder = gpu.createCommandEncoder({ label });
  const pass = encoder.beginComputePass({ label });
  let current: GPUComputePipeline | null = null;
  for (const { pipeline, group, workgroups } of steps) {
    if (pipeline !== current) pass.setPipeline(pipeline);
    current = pipeline;
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
  }
  pass.end();
  return encoder.finish();
};

/** Puts a program on the device: allocates, fills constants, chooses launches, compiles. */
export const makeResident = async (
  context: ProgramContext,
  program: Program,
): Promise<ResidentProgram> => {
  const { device, memory } = context;
  const { gpu } = device;
  checkBindings(device, program);
  const buffers = makeBuffers(context, program);
  const params = makeParams(context, program);
  const free = (): void => {
    for (const { spec, buffer } of buffers.values()) if (spec.role !== "state") memory.free(buffer);
    memory.free(params.buffer);
  };
  const bufferOf = (binding: Binding): GPUBuffer => {
    const found = buffers.get(binding.buffer);
    if (found === undefined)
      throw new DeviceError(`program ${program.name} binds ${binding.buffer}, which it has not`);
    return found.buffer;
  };
  try {
    for (const { binding, axes, value } of program.constants)
      gpu.queue.writeBuffer(bufferOf(binding), binding.offset, scalarTable(value, axes));
    const chosen = await chooseLaunches({ ...context, bufferOf }, program);
    const steps = await makeSteps(context, program, chosen, params, bufferOf);
    device.check();
    return {
      program,
      feed: (data) => {
        feedArrays(program.name, program.feeds, data).forEach((array, index) => {
          const binding = program.feeds[index]?.binding;
          if (binding !== undefined)
            gpu.queue.writeBuffer(bufferOf(binding), binding.offset, array);
        });
      },
      encode: () => encodeSteps(gpu, program.name, steps),
      encodeOne: (index, repeats) =>
        encodeSteps(
          gpu,
          program.name,
          Array.from({ length: repeats }).flatMap(() => steps[index] ?? []),
        ),
      kernels: steps.map(({ kernel }) => kernel),
      bufferOf,
      scratch: [...buffers.values()].flatMap(({ spec, buffer }) =>
        spec.role === "scratch" ? [buffer] : [],
      ),
      free,
    };
  } catch (error) {
    free();
    throw error;
  }
};
