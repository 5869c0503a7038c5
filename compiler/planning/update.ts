/** The update program of a distillation: global norm, clip, AdamW over the flat arenas, all on the device. */
import { adamw } from "../../kernels/adamw.kernel.js";
import { NORM_PARTIALS, normFinish, normPartials } from "../../kernels/global-norm.kernel.js";
import type { KernelCall } from "../../kernels/kernel.js";
import type { Binding, BufferSpec, Dispatch, Program } from "../plan.js";
import type { DistillStep } from "../recipe/recipe.js";
import { dispatchOf } from "../schedule/call.js";
import { stateOf } from "./layout.js";
import { addKernels, type Programs } from "./programs.js";

type Call = readonly [KernelCall, string, readonly Binding[]];

const whole = (buffer: string, bytes: number): Binding => ({ buffer, offset: 0, bytes });

/** Ranges of a flat arena that keep within the binding limit and begin where a binding may. */
const rangesOf = (bytes: number, maxBinding: number): readonly Omit<Binding, "buffer">[] => {
  const most = Math.max(256, maxBinding - (maxBinding % 256));
  return Array.from({ length: Math.max(1, Math.ceil(bytes / most)) }, (_, at) => ({
    offset: at * most,
    bytes: Math.min(most, bytes - at * most),
  }));
};

const PARTIAL_BYTES = NORM_PARTIALS * 4;

/** Plans the update of arenas of so many bytes; `factor` scales the summed gradients of micro-batches to their mean. */
export const planUpdate = (
  into: Programs,
  step: DistillStep,
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
  const { beta, epsilon, decay, clip } = step.optimizer;
  const pieces = ranges.map((range, at) => {
    const [weights, gradients, first, second] = arenas.map(({ buffer }) => ({ buffer, ...range }));
    if (!weights || !gradients || !first || !second) throw new Error("an arena is missing");
    const count = range.bytes / 4;
    const sums = { buffer: partials.buffer, offset: at * PARTIAL_BYTES, bytes: PARTIAL_BYTES };
    const sum: Call = [normPartials(count), "global norm, partial sums", [gradients, sums]];
    const update: Call = [
      adamw({ count, beta, epsilon, decay }),
      "adamw",
      [weights, gradients, first, second, scalars, norm],
    ];
    return { sum, update };
  });
  const finish: Call = [
    normFinish(factor, clip, ranges.length * NORM_PARTIALS),
    "global norm",
    [partials, norm],
  ];
  const calls = [...pieces.map(({ sum }) => sum), finish, ...pieces.map(({ update }) => update)];
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
