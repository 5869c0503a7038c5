/** The runtime as a library, for modules written by `espalier compile` and for programs of one's own. */
import { parseArgs } from "node:util";
import type { Kernel, Plan } from "../compiler/plan.js";
import { silent } from "./run/reporter.js";
import { type RunOutcome, startRun } from "./run/run.js";
import { scoresBeside } from "./run/score-cache.js";

export type { Plan } from "../compiler/plan.js";
export type { Reporter } from "./run/reporter.js";
export type { RunOutcome } from "./run/run.js";

export interface RunPlanOptions {
  /** The folder that the plan's paths start from. */
  readonly base: string;
  /** Output folder. */
  readonly out: string;
  /** As `espalier run --adapter`. */
  readonly adapter?: string;
}

/** Runs a plan without its spec; the same plan on the same adapter gives the same bits. */
export const runPlan = (plan: Plan, options: RunPlanOptions): Promise<RunOutcome> =>
  startRun({
    plan,
    spec: null,
    base: options.base,
    out: options.out,
    scores: scoresBeside(options.out),
    adapter: options.adapter ?? "auto",
    force: false,
    reporter: silent,
    interrupted: () => false,
  });

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

/** The command line of a compiled module: `node recipe.mjs --out DIR [--base DIR] [--adapter WHICH]`. */
export const runModule = async (plan: Plan, base: string): Promise<RunOutcome> => {
  const { values } = parseArgs({
    options: {
      out: { type: "string" },
      base: { type: "string" },
      adapter: { type: "string" },
    },
  });
  if (values.out === undefined) throw new Error("--out DIR is missing");
  const outcome = await runPlan(plan, {
    base: values.base ?? base,
    out: values.out,
    ...(values.adapter === undefined ? {} : { adapter: values.adapter }),
  });
  process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
  return outcome;
};
