/** Chooses, for each tuning key of a program, the launch that its dispatches use. */
import type { Binding, Dispatch, Program } from "../compiler/plan.js";
import { workerOf } from "./adapter.js";
import type { Memory } from "./buffers.js";
import { alikeForAllShapes, worthMeasuring } from "./candidates.js";
import type { Device } from "./device.js";
import { DeviceError } from "./device-error.js";
import { DATA_USAGE, USAGE } from "./gpu-flags.js";
import { fastest, sampleMsOn, type Timer } from "./measure.js";
import type { Pipelines } from "./pipelines.js";
import type { Tuning } from "./tune.js";
import { waitFor } from "./wait.js";

export interface LaunchChooser {
  readonly device: Device;
  readonly memory: Memory;
  readonly pipelines: Pipelines;
  readonly tuning: Tuning;
  readonly bufferOf: (binding: Binding) => GPUBuffer;
}

/**
 * Keys with less of a program's work than this take their first launch: on a GPU fewer, as compiling is quick there and a
 * launch that keeps few of its processors busy can take a hundred times its share.
 */
const WORTH = { gpu: 0.0002, software: 0.01 } as const;
/** What a byte costs of multiply-adds, on software adapters and on GPUs alike within a factor of two. */
const FLOPS_PER_BYTE = 16;
const BUDGET_MS = 1000;
/** No copies larger than this are made to measure: memory is for the run. */
const MOST_COPIED = 512 * 2 ** 20;
/** The least a uniform binding may need, padding of its struct included. */
const PARAM_BYTES = 256;

/** Indices of the launches that this device can run. */
const usable = (dispatch: Dispatch, pipelines: Pipelines): readonly number[] => {
  const found = dispatch.launches.flatMap(({ kernel }, index) =>
    pipelines.runs(kernel) ? [index] : [],
  );
  if (found.length === 0)
    throw new DeviceError(`this adapter can run none of the kernels for ${dispatch.label}`, {
      hint: "try --adapter embedded",
    });
  return found;
};

/** What the candidates are, so that a remembered choice is not taken for other kernels. */
const candidateIdentity = (dispatch: Dispatch): string =>
  dispatch.launches.map(({ kernel }) => kernel).join("\n");

/** Which bindings any of a dispatch's launches writes. */
const writtenBy = (dispatch: Dispatch, pipelines: Pipelines): readonly boolean[] => {
  const accesses = dispatch.launches.map(({ kernel }) => pipelines.access(kernel));
  return dispatch.bindings.map((_, at) => accesses.some((access) => access[at] === "read_write"));
};

/** Runs candidates of a dispatch on copies of what they write, so that no state changes. */
const createBench = (
  { device, memory, pipelines, bufferOf }: LaunchChooser,
  dispatch: Dispatch,
): { readonly time: Timer; readonly close: () => void } => {
  const { gpu } = device;
  const copies: GPUBuffer[] = [];
  const params = memory.allocate(
    "tuning params",
    Math.max(PARAM_BYTES, dispatch.params.length * 4),
    USAGE.uniform | USAGE.copyTarget,
  );
  copies.push(params);
  gpu.queue.writeBuffer(params, 0, new Uint32Array(dispatch.params));
  const written = writtenBy(dispatch, pipelines);
  const ranges = dispatch.bindings.map((binding, at) => {
    if (!written[at])
      return { buffer: bufferOf(binding), offset: binding.offset, size: binding.bytes };
    const copy = memory.allocate("tuning copy", binding.bytes, DATA_USAGE);
    copies.push(copy);
    const encoder = gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(bufferOf(binding), binding.offset, copy, 0, binding.bytes);
    gpu.queue.submit([encoder.finish()]);
    return { buffer: copy, offset: 0, size: binding.bytes };
  });

  const time: Timer = async (candidate, repeats) => {
    const launch = dispatch.launches[candidate];
    if (launch === undefined) throw new DeviceError(`${dispatch.label} has no launch ${candidate}`);
    const { pipeline, layout } = await pipelines.get(launch.kernel, false);
    const entries = [{ buffer: params }, ...ranges].map((resource, binding) => ({
      binding,
      resource,
    }));
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, gpu.createBindGroup({ layout, entries }));
    for (let run = 0; run < repeats; run++) pass.dispatchWorkgroups(...launch.workgroups);
    pass.end();
    const start = performance.now();
    gpu.queue.submit([encoder.finish()]);
    await waitFor(gpu.queue.onSubmittedWorkDone());
    device.check();
    return performance.now() - start;
  };
  return { time, close: () => copies.forEach(memory.free) };
};

const measured = async (
  chooser: LaunchChooser,
  dispatch: Dispatch,
  candidates: readonly number[],
): Promise<number> => {
  const { device, pipelines } = chooser;
  const onGpu = device.report.kind === "gpu";
  // There are many for a GPU, and they compile side by side; a software adapter has two, and needs the cores itself.
  if (onGpu)
    await Promise.all(
      candidates.flatMap((candidate) => {
        const launch = dispatch.launches[candidate];
        return launch === undefined ? [] : [pipelines.get(launch.kernel, false)];
      }),
    );
  // The queue may still be busy with earlier work, which would be counted.
  await waitFor(device.gpu.queue.onSubmittedWorkDone());
  const bench = createBench(chooser, dispatch);
  try {
    return await fastest(candidates, bench.time, {
      budgetMs: BUDGET_MS,
      sampleMs: sampleMsOn(device.report.kind),
      now: () => performance.now(),
    });
  } finally {
    bench.close();
  }
};

/** Whether to look for better than the first launch: a property of the program alone, so that runs repeat. */
const isWorth = (
  { device, pipelines }: LaunchChooser,
  dispatch: Dispatch,
  share: number,
): boolean => {
  const written = writtenBy(dispatch, pipelines);
  const copied = dispatch.bindings.reduce(
    (sum, { bytes }, at) => sum + (written[at] === true ? bytes : 0),
    0,
  );
  const least = WORTH[workerOf(device.report.kind)];
  return share >= least && copied <= MOST_COPIED;
};

/** A kernel's id without the hash of its text, which differs by layout and stored types. */
const nameOf = (id: string): string => id.replace(/-[^-]+$/, "");

/** What a choice is remembered by: the dispatch's key, or the kernels' names where one answer serves all shapes. */
const choiceKey = (
  { device, pipelines }: LaunchChooser,
  { tuning, launches }: Dispatch,
  candidates: readonly number[],
): string => {
  const ids = candidates.flatMap((index) => launches[index]?.kernel ?? []);
  return alikeForAllShapes(device.report, ids.map(pipelines.kernel))
    ? ids.map(nameOf).join(" or ")
    : tuning;
};

const choose = async (
  chooser: LaunchChooser,
  dispatch: Dispatch,
  share: number,
): Promise<number> => {
  const { device, pipelines, tuning } = chooser;
  const found = usable(dispatch, pipelines);
  const [first = 0] = found;
  if (tuning.forced !== null) return found[tuning.forced % found.length] ?? first;
  if (found.length === 1 || !isWorth(chooser, dispatch, share)) return first;
  const worth = worthMeasuring(
    device.report,
    dispatch.launches.map(({ kernel }) => pipelines.kernel(kernel)),
  );
  const candidates = tuning.measures ? worth : found;
  if (candidates.length === 1) return candidates[0] ?? first;
  const key = choiceKey(chooser, dispatch, worth);
  const identity = candidateIdentity(dispatch);
  const known = await tuning.known(key, identity);
  if (known !== null && candidates.includes(known)) return known;
  if (!tuning.measures) {
    tuning.use(key, first);
    return first;
  }
  return tuning.remember(key, identity, await measured(chooser, dispatch, candidates));
};

/** The launch index of each tuning key of a program. Keys are measured once, on their first dispatch. */
export const chooseLaunches = async (
  chooser: LaunchChooser,
  program: Program,
): Promise<ReadonlyMap<string, number>> => {
  const work = new Map<string, number>();
  for (const { tuning, flops, bytes } of program.dispatches)
    work.set(tuning, (work.get(tuning) ?? 0) + Math.max(flops, FLOPS_PER_BYTE * bytes));
  const total = [...work.values()].reduce((sum, cost) => sum + cost, 0);
  const chosen = new Map<string, number>();
  for (const dispatch of program.dispatches) {
    const key = dispatch.tuning;
    if (chosen.has(key)) continue;
    const share = total === 0 ? 0 : (work.get(key) ?? 0) / total;
    chosen.set(key, await choose(chooser, dispatch, share));
  }
  return chosen;
};
