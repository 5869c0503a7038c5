/** The runtime as a library, for modules written by `espalier compile` and for programs of one's own. */
import type { Kernel, Plan } from "../compiler/plan.js";

export type { Plan } from "../compiler/plan.js";
export { runModule } from "./cli/module.js";
export type { Reporter } from "./run/reporter.js";
export type { RunOutcome } from "./run/run.js";
export { type RunPlanOptions, runPlan } from "./run-plan.js";

/** A plan from its parts: the JSON without shader text, and the text of each kernel by id. */
export const assemblePlan = (
  parts: Omit<Plan, "kernels"> & {
    readonly kernels: Readonly<Record<string, Omit<Kernel, "wgsl">>>;
  },
  wgsl: (id: string) => string,
): Plan => ({
  ...parts,
  kernels: Object.fromEntries(
    Object.entries(parts.kernels).map(([id, kernel]) => [id, { ...kernel, wgsl: wgsl(id) }]),
  ),
});
