/** Executes programs of a plan on a device: state by name, feeds in, outputs back, little more queued than needed. */
import type { Kernel, Program } from "../compiler/plan.js";
import { workerOf } from "./adapter.js";
import { createMemory, type MemoryUse } from "./buffers.js";
import type { Device } from "./device.js";
import { DeviceError, firstLine, mebibytes } from "./device-error.js";
import type { FeedData } from "./feeds.js";
import { DATA_USAGE } from "./gpu-flags.js";
import { createPipelines } from "./pipelines.js";
import { makeResident, type ResidentProgram } from "./program.js";
import { readBack } from "./readback.js";
import { createSubmissions } from "./submissions.js";
import type { Tuning } from "./tune.js";
import { waitFor } from "./wait.js";

export interface LoadedProgram {
  /**
   * Writes the feeds (by name; `buckets` feeds are computed) and submits the program; resolves when it is queued, which
   * waits while a few submissions are under way.
   */
  readonly run: (feeds: FeedData) => Promise<void>;
  /** An output as it is after what has been submitted so far, row-major over its axes. */
  readonly output: (name: string) => Promise<Float32Array>;
  readonly dispose: () => void;
}

/** A place in a state buffer, in bytes. */
export interface StateOffset {
  readonly state: string;
  readonly offset: number;
}

export interface Executor {
  /** Bytes of the largest buffer that the adapter has. */
  readonly largestBuffer: number;
  /** Makes a state buffer of zeros unless there is one. */
  readonly state: (name: string, bytes: number) => void;
  readonly has: (name: string) => boolean;
  /** `offset` in bytes, a multiple of 4. */
  readonly write: (name: string, offset: number, data: Float32Array | Uint32Array) => void;
  /** Offset and bytes are multiples of 4. Later work does not show in what is read. */
  readonly read: (name: string, offset: number, bytes: number) => Promise<ArrayBuffer>;
  /** Copies bytes, a multiple of 4, from one state to another; offsets are in bytes, and multiples of 4. */
  readonly copy: (from: StateOffset, to: StateOffset, bytes: number) => void;
  readonly zero: (name: string) => void;
  /** Frees a state; programs bound to it must be disposed of before. */
  readonly release: (name: string) => void;
  /** More kernels for programs to come, by id. */
  readonly addKernels: (kernels: Readonly<Record<string, Kernel>>) => void;
  readonly load: (program: Program) => Promise<LoadedProgram>;
  /** Waits until at most one submission is under way, so that progress shown is progress made. */
  readonly settle: () => Promise<void>;
  /** Waits until all that was submitted and written is done. */
  readonly finish: () => Promise<void>;
  readonly memory: () => MemoryUse;
}

export interface ExecutorOptions {
  /** For tests: fills scratch with NaN before each run, as nothing may rely on what is there. */
  readonly poison?: boolean;
}

/**
 * Submissions under way before `run` waits: one that works, one that waits its turn. A GPU does some in less time than a
 * millisecond, by which waits are timed (wait.ts), so that there it takes more to keep it busy.
 */
const IN_FLIGHT = { gpu: 16, software: 2 } as const;
/** Writes go in pieces, so that the driver's staging copies stay small. */
const WRITE_BYTES = 64 * 2 ** 20;

const writeInPieces = (
  gpu: GPUDevice,
  buffer: GPUBuffer,
  offset: number,
  data: Float32Array | Uint32Array,
): void => {
  const words = WRITE_BYTES / 4;
  for (let at = 0; at < data.length; at += words)
    gpu.queue.writeBuffer(buffer, offset + at * 4, data.subarray(at, at + words));
};

const poisonBuffers = (gpu: GPUDevice, buffers: readonly GPUBuffer[]): void => {
  for (const buffer of buffers)
    writeInPieces(gpu, buffer, 0, new Uint32Array(buffer.size / 4).fill(0x7fc00000));
};

export const createExecutor = (
  device: Device,
  kernels: Readonly<Record<string, Kernel>>,
  tuning: Tuning,
  options: ExecutorOptions = {},
): Executor => {
  const { gpu } = device;
  const memory = createMemory(device);
  const pipelines = createPipelines(device, kernels);
  const submissions = createSubmissions(device);
  const states = new Map<string, GPUBuffer>();

  const makeState = (name: string, bytes: number): GPUBuffer => {
    const known = states.get(name);
    if (known === undefined) {
      const made = memory.allocate(name, bytes, DATA_USAGE);
      states.set(name, made);
      return made;
    }
    if (known.size < bytes)
      throw new DeviceError(
        `state ${name} has ${mebibytes(known.size)}, where ${mebibytes(bytes)} are needed`,
      );
    return known;
  };

  const stateNamed = (name: string): GPUBuffer => {
    const buffer = states.get(name);
    if (buffer === undefined) throw new DeviceError(`there is no state ${name} on the device`);
    return buffer;
  };

  const submit = (record: (encoder: GPUCommandEncoder) => void): void => {
    const encoder = gpu.createCommandEncoder();
    record(encoder);
    gpu.queue.submit([encoder.finish()]);
  };

  /** The first run of a program is validated, so that a wrong plan is an error with a name. */
  const submitValidated = async ({ program, encode }: ResidentProgram): Promise<void> => {
    gpu.pushErrorScope("validation");
    submissions.submit(encode());
    const invalid = await waitFor(gpu.popErrorScope());
    if (invalid !== null)
      throw new DeviceError(`program ${program.name} cannot run: ${firstLine(invalid.message)}`);
  };

  const loaded = (resident: ResidentProgram): LoadedProgram => {
    const { program } = resident;
    let validated = false;
    return {
      run: async (feeds) => {
        await submissions.atMost(IN_FLIGHT[workerOf(device.report.kind)] - 1);
        if (options.poison === true) poisonBuffers(gpu, resident.scratch);
        resident.feed(feeds);
        if (validated) submissions.submit(resident.encode());
        else await submitValidated(resident);
        validated = true;
      },
      output: async (name) => {
        const output = program.outputs.find((candidate) => candidate.name === name);
        if (output === undefined)
          throw new DeviceError(`program ${program.name} has no output ${name}`);
        const { binding } = output;
        const buffer = resident.bufferOf(binding);
        return new Float32Array(
          await readBack(device, memory, buffer, binding.offset, binding.bytes),
        );
      },
      dispose: resident.free,
    };
  };

  return {
    largestBuffer: gpu.limits.maxBufferSize,
    state: (name, bytes) => {
      makeState(name, bytes);
    },
    has: (name) => states.has(name),
    write: (name, offset, data) => writeInPieces(gpu, stateNamed(name), offset, data),
    read: async (name, offset, bytes) => readBack(device, memory, stateNamed(name), offset, bytes),
    copy: (from, to, bytes) => {
      const [source, target] = [stateNamed(from.state), stateNamed(to.state)];
      submit((encoder) =>
        encoder.copyBufferToBuffer(source, from.offset, target, to.offset, bytes),
      );
    },
    zero: (name) => {
      const buffer = stateNamed(name);
      submit((encoder) => encoder.clearBuffer(buffer));
    },
    release: (name) => {
      memory.free(stateNamed(name));
      states.delete(name);
    },
    addKernels: pipelines.add,
    load: async (program) =>
      loaded(await makeResident({ device, memory, pipelines, tuning, state: makeState }, program)),
    settle: () => submissions.atMost(1),
    finish: async () => {
      await submissions.atMost(0);
      await waitFor(gpu.queue.onSubmittedWorkDone());
      device.check();
    },
    memory: memory.use,
  };
};
