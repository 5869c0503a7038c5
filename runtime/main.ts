/** The runtime as a library, for modules written by `espalier compile` and for programs of one's own. */
import { parseArgs } from "node:util";
import type { Kernel, Plan } from "../compiler/plan.js";
import { RunError } from "./errors.js";
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

const USAGE = "node recipe.mjs --out DIR [--base DIR] [--adapter WHICH]";

/** The options of a compiled module's command line; null after it was said what is wrong with them. */
const moduleOptions = (): { out: string; base?: string; adapter?: string } | null => {
  try {
    const text = { type: "string" } as const;
    const { values } = parseArgs({ options: { out: text, base: text, adapter: text } });
    const { out, ...others } = values;
    if (out !== undefined) return { out, ...others };
    process.stderr.write(`error: --out DIR is missing\nhint: ${USAGE}\n`);
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split(". ");
    process.stderr.write(`error: ${line}\nhint: ${USAGE}\n`);
  }
  return null;
};

/**
 * The command line of a compiled module, as `USAGE` says; the outcome is written to stdout as JSON. Exit codes are those
 * of `espalier run`.
 */
export const runModule = async (plan: Plan, base: string): Promise<void> => {
  const options = moduleOptions();
  if (options === null) {
    process.exitCode = 2;
    return;
  }
  try {
    const outcome = await runPlan(plan, { base, ...options });
    process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
    process.exitCode = outcome.verdicts.every(({ holds }) => holds) ? 0 : 4;
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    const hint = error.hint === null ? "" : `hint: ${error.hint}\n`;
    process.stderr.write(`error: ${error.message}\n${hint}`);
    process.exitCode = 3;
  }
};
