/** The update program of a distillation: global norm, clip, AdamW over the flat arenas, all on the device. */
import { adamw } from "../../kernels/adamw.kernel.js";
import { NORM_PARTIALS, normFinish, normPartials } from "../../kernels/global-norm.kernel.js";
import type { KernelCall } from "../../kernels/kernel.js";
import type { Binding, BufferSpec, Dispatch, ModelLayout, Program } from "../plan.js";
import type { DistillStep } from "../recipe/recipe.js";
import { dispatchOf } from "../schedule/call.js";
import { stateOf } from "./layout.js";
import { addKernels, type Programs } from "./programs.js";

const whole = (buffer: string, bytes: number): Binding => ({ buffer, offset: 0, bytes });

/** Plans the update; `factor` scales the summed gradients of micro-batches to their mean. */
export const planUpdate = (
  into: Programs,
  step: DistillStep,
  layout: ModelLayout,
  factor: number,
): string => {
  const { bytes } = layout;
  const count = bytes / 4;
  const arena = (state: string): Binding => whole(state, bytes);
  const weights = arena(stateOf.weights(step.name));
  const gradients = arena(stateOf.gradients(step.name));
  const first = arena(stateOf.first(step.name));
  const second = arena(stateOf.second(step.name));
  const partials = whole("scratch.partials", NORM_PARTIALS * 4);
  const norm = whole("output.norm", 8);
  const scalars = whole("feed.scalars", 12);
  const { beta, epsilon, decay, clip } = step.optimizer;
  const calls: [KernelCall, string, Binding[]][] = [
    [normPartials(count), "global norm, partial sums", [gradients, partials]],
    [normFinish(factor, clip), "global norm", [partials, norm]],
    [
      adamw({ count, beta, epsilon, decay }),
      "adamw",
      [weights, gradients, first, second, scalars, norm],
    ],
  ];
  const dispatches: Dispatch[] = calls.map(([call, label, bindings]) => {
    const called = dispatchOf(call, label, bindings);
    addKernels(into, Object.fromEntries(called.kernels));
    return called.dispatch;
  });
  const state = (binding: Binding): BufferSpec => ({ id: binding.buffer, role: "state", bytes });
  const program: Program = {
    name: `${step.name}.update`,
    buffers: [
      ...[weights, gradients, first, second].map(state),
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
