/**
 * Where the time of a program goes: each of its dispatches run alone, over and over, on made-up values. Works on every
 * adapter, as nothing is needed of it but that one can wait; a dispatch's fixed cost is counted with it. A software
 * adapter's work is done by threads of this process, whose time tells it from what else the machine does.
 */
import type { Dispatch, Kernel, Program } from "../compiler/plan.js";
import { createMemory } from "./buffers.js";
import type { Device } from "./device.js";
import type { FeedData } from "./feeds.js";
import { DATA_USAGE } from "./gpu-flags.js";
import { repeatsFor, sampleMsOn } from "./measure.js";
import { createPipelines } from "./pipelines.js";
import { makeResident, type ResidentProgram } from "./program.js";
import type { Tuning } from "./tune.js";
import { waitFor } from "./wait.js";

export interface Timing {
  readonly milliseconds: number;
  /** Of all threads of this process. */
  readonly processorMilliseconds: number;
}

/** Dispatches of one label and tuning key, together. */
export interface TimedKernel extends Timing {
  readonly label: string;
  readonly tuning: string;
  readonly kernel: string;
  readonly count: number;
  readonly flops: number;
  readonly bytes: number;
}

export interface TimedProgram extends Timing {
  readonly name: string;
  /** Slowest first. The program's own times are those of the whole, submitted as in a run. */
  readonly kernels: readonly TimedKernel[];
}

/** Values that keep every kernel off its special cases: small, of both signs, never zero. */
const noise = (words: number): Float32Array => {
  const values = new Float32Array(words);
  let state = 1;
  for (let at = 0; at < words; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[at] = (state / 2 ** 32 - 0.5) * 0.1 + 1e-3;
  }
  return values;
};

/** Indices below the smallest table that buckets are made for, so that every one is found. */
const feedsOf = ({ feeds }: Program): FeedData => {
  const sizes = feeds.flatMap(({ source }) => (source.kind === "buckets" ? [source.size] : []));
  const below = Math.min(1024, ...sizes);
  return Object.fromEntries(
    feeds.flatMap(({ name, source, binding }): [string, Uint32Array | Float32Array][] => {
      const words = binding.bytes / 4;
      switch (source.kind) {
        case "tokens":
        case "labels":
        case "places":
          return [[name, Uint32Array.from({ length: words }, (_, at) => (at * 7919) % below)]];
        case "scalars":
        case "rows":
          return [[name, new Float32Array(words).fill(0.1)]];
        case "kept":
          return [
            [
              name,
              source.dtype === "f32"
                ? new Float32Array(words).fill(0.1)
                : Uint32Array.from({ length: words }, (_, at) => at % below),
            ],
          ];
        case "buckets":
          return [];
        default:
          return source satisfies never;
      }
    }),
  );
};

/** Dispatches that do the same work are timed once. */
const workOf = (dispatch: Dispatch, kernel: string): string =>
  [kernel, dispatch.params.join(), dispatch.bindings.map(({ bytes }) => bytes).join()].join(" ");

const SAMPLES = 3;

/** The least of a few samples, after one that is not counted. */
const timed = async (
  { gpu, check, report }: Device,
  commands: (repeats: number) => readonly GPUCommandBuffer[],
): Promise<Timing> => {
  const sample = async (repeats: number): Promise<Timing> => {
    const recorded = commands(repeats);
    const [start, used] = [performance.now(), process.cpuUsage()];
    gpu.queue.submit([...recorded]);
    await waitFor(gpu.queue.onSubmittedWorkDone());
    check();
    const { user, system } = process.cpuUsage(used);
    return {
      milliseconds: (performance.now() - start) / repeats,
      processorMilliseconds: (user + system) / 1000 / repeats,
    };
  };
  await sample(1);
  let { milliseconds } = await sample(1);
  const samples: Timing[] = [];
  while (samples.length < SAMPLES) {
    const one = await sample(repeatsFor(milliseconds, sampleMsOn(report.kind)));
    milliseconds = Math.min(milliseconds, one.milliseconds);
    samples.push(one);
  }
  return {
    milliseconds: Math.min(...samples.map((of) => of.milliseconds)),
    processorMilliseconds: Math.min(...samples.map((of) => of.processorMilliseconds)),
  };
};

const timedKernels = async (
  device: Device,
  { program, kernels, encodeOne }: ResidentProgram,
): Promise<readonly TimedKernel[]> => {
  const known = new Map<string, Timing>();
  const rows = new Map<string, TimedKernel>();
  for (const [index, dispatch] of program.dispatches.entries()) {
    const kernel = kernels[index] ?? "";
    const work = workOf(dispatch, kernel);
    const timing =
      known.get(work) ?? (await timed(device, (repeats) => [encodeOne(index, repeats)]));
    known.set(work, timing);
    const key = `${dispatch.label} ${dispatch.tuning}`;
    const before = rows.get(key);
    rows.set(key, {
      label: dispatch.label,
      tuning: dispatch.tuning,
      kernel,
      count: (before?.count ?? 0) + 1,
      milliseconds: (before?.milliseconds ?? 0) + timing.milliseconds,
      processorMilliseconds: (before?.processorMilliseconds ?? 0) + timing.processorMilliseconds,
      flops: (before?.flops ?? 0) + dispatch.flops,
      bytes: (before?.bytes ?? 0) + dispatch.bytes,
    });
  }
  return [...rows.values()].sort((a, b) => b.milliseconds - a.milliseconds);
};

/** Times a program of a plan on a device. */
export const timeProgram = async (
  device: Device,
  kernels: Readonly<Record<string, Kernel>>,
  tuning: Tuning,
  program: Program,
): Promise<TimedProgram> => {
  const memory = createMemory(device);
  const states: GPUBuffer[] = [];
  const state = (name: string, bytes: number): GPUBuffer => {
    const buffer = memory.allocate(name, bytes, DATA_USAGE);
    device.gpu.queue.writeBuffer(buffer, 0, noise(buffer.size / 4));
    states.push(buffer);
    return buffer;
  };
  const pipelines = createPipelines(device, kernels);
  const resident = await makeResident({ device, memory, pipelines, tuning, state }, program);
  try {
    resident.feed(feedsOf(program));
    const whole = await timed(device, (repeats) =>
      Array.from({ length: repeats }, resident.encode),
    );
    return { name: program.name, ...whole, kernels: await timedKernels(device, resident) };
  } finally {
    resident.free();
    states.forEach(memory.free);
  }
};
