/** A plan run as it stands, without its spec. */
import type { Plan } from "../compiler/plan.js";
import { type Reporter, silent } from "./run/reporter.js";
import { type RunOutcome, startRun } from "./run/run.js";
import { scoresBeside } from "./run/score-cache.js";

export interface RunPlanOptions {
  /** The folder that the plan's paths start from. */
  readonly base: string;
  /** Output folder. */
  readonly out: string;
  /** As `espalier run --adapter`. */
  readonly adapter?: string;
  /** Told of stages and progress; silent by default. */
  readonly reporter?: Reporter;
  /** Asked after each step: whether to stop there, at a checkpoint. */
  readonly interrupted?: () => boolean;
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
    reporter: options.reporter ?? silent,
    interrupted: options.interrupted ?? (() => false),
  });
