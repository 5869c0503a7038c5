/** The update program of a distillation: global norm, clip, AdamW over the flat arenas, all on the device. */
import { adamw } from "../../kernels/adamw.kernel.js";
import { NORM_PARTIALS, normFinish, normPartials } from "../../kernels/global-norm.kernel.js";
import type { KernelCall } from "../../kernels/kernel.js";
import type { Binding, BufferSpec, Dispatch, ModelLayout, Program } from "../plan.js";
import type { DistillStep } from "../recipe/recipe.js";
import { dispatchOf } from "../schedule/call.js";
import { stateOf } from "./layout.js";
import { addKernels, type Programs } from "./programs.js";

type Call = readonly [KernelCall, string, readonly Binding[]];

type Range = Omit<Binding, "buffer">;

const whole = (buffer: string, bytes: number): Binding => ({ buffer, offset: 0, bytes });

/** Ranges of a flat arena that keep within the binding limit and begin where a binding may. */
const rangesOf = (bytes: number, maxBinding: number): readonly Range[] => {
  const most = Math.max(256, maxBinding - (maxBinding % 256));
  return Array.from({ length: Math.max(1, Math.ceil(bytes / most)) }, (_, at) => ({
    offset: at * most,
    bytes: Math.min(most, bytes - at * most),
  }));
};

/** Ends of stretches of the arena, and what their weights decay by. Behind the weights are learned maps, which decay. */
const decayRuns = (
  { decay, noDecay }: DistillStep["optimizer"],
  layout: ModelLayout,
  bytes: number,
): readonly { readonly end: number; readonly decay: number }[] => {
  const entries = [...layout.weights].sort((a, b) => a.offset - b.offset);
  const each = entries.map(({ weight }, at) => ({
    end: entries[at + 1]?.offset ?? layout.bytes,
    decay: noDecay.includes(weight) ? 0 : decay,
  }));
  const all = [...each, { end: bytes, decay }].filter(
    ({ end }, at, of) => end > (of[at - 1]?.end ?? 0),
  );
  return all.filter((run, at) => run.decay !== all[at + 1]?.decay);
};

/** The parts of ranges in each run, in order. */
const partsOf = (ranges: readonly Range[], runs: ReturnType<typeof decayRuns>) =>
  ranges.flatMap((range) =>
    runs.flatMap(({ end, decay }, at) => {
      const offset = Math.max(range.offset, runs[at - 1]?.end ?? 0);
      const bytes = Math.min(range.offset + range.bytes, end) - offset;
      return bytes > 0 ? [{ range: { offset, bytes }, decay }] : [];
    }),
  );

const PARTIAL_BYTES = NORM_PARTIALS * 4;

/** Plans the update of arenas of so many bytes, that begin with the weights of a layout; `factor` scales the summed gradients of micro-batches to their mean. */
export const planUpdate = (
  into: Programs,
  step: DistillStep,
  layout: ModelLayout,
  bytes: number,
  factor: number,
): string => {
  const ranges = rangesOf(bytes, into.target.maxBinding);
  const arenas = (["weights", "gradients", "first", "second"] as const).map((name) =>
    whole(stateOf[name](step.name), bytes),
  );
  const partials = whole("scratch.partials", ranges.length * PARTIAL_BYTES);
  const norm = whole("output.norm", 8);
  const scalars = whole("feed.scalars", 12);
  const { beta, epsilon, clip } = step.optimizer;
  const sums = ranges.map((range, at): Call => {
    const gradients = { buffer: stateOf.gradients(step.name), ...range };
    const into = { buffer: partials.buffer, offset: at * PARTIAL_BYTES, bytes: PARTIAL_BYTES };
    return [normPartials(range.bytes / 4), "global norm, partial sums", [gradients, into]];
  });
  const runs = decayRuns(step.optimizer, layout, bytes);
  const updates = partsOf(ranges, runs).map(({ range, decay }): Call => {
    const bound = arenas.map(({ buffer }) => ({ buffer, ...range }));
    const count = range.bytes / 4;
    return [adamw({ count, beta, epsilon, decay }), "adamw", [...bound, scalars, norm]];
  });
  const finish: Call = [
    normFinish(factor, clip, ranges.length * NORM_PARTIALS),
    "global norm",
    [partials, norm],
  ];
  const calls = [...sums, finish, ...updates];
  const dispatches: Dispatch[] = calls.map(([call, label, bindings]) => {
    const called = dispatchOf(call, label, bindings);
    addKernels(into, Object.fromEntries(called.kernels));
    return called.dispatch;
  });
  const state = (binding: Binding): BufferSpec => ({ id: binding.buffer, role: "state", bytes });
  const program: Program = {
    name: `${step.name}.update`,
    buffers: [
      ...arenas.map(state),
      { id: partials.buffer, role: "scratch", bytes: partials.bytes },
      { id: norm.buffer, role: "output", bytes: norm.bytes },
      { id: scalars.buffer, role: "feed", bytes: scalars.bytes },
    ],
    feeds: [
      {
        name: "scalars",
        binding: scalars,
        source: { kind: "scalars" },
        names: ["rate", "bias1", "bias2"],
      },
    ],
    constants: [],
    dispatches,
    outputs: [{ name: "norm", binding: norm, axes: [{ name: "norm", size: 2 }] }],
  };
  into.programs.set(program.name, program);
  return program.name;
};
