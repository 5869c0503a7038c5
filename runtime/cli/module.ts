/** The command line of a module written by `espalier compile`: `node recipe.mjs --out DIR [--base DIR] [--adapter WHICH]`. */
import { parseArgs } from "node:util";
import type { Plan } from "../../compiler/plan.js";
import { runPlan } from "../run-plan.js";
import { CommandError, failure } from "./failure.js";
import { interruptible } from "./interrupt.js";
import { reporterFor } from "./progress.js";
import { finishCommand } from "./result.js";

const HINT = { hint: "node recipe.mjs --out DIR [--base DIR] [--adapter WHICH]" };

const parsed = () => {
  const text = { type: "string" } as const;
  try {
    return parseArgs({ options: { out: text, base: text, adapter: text } }).values;
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split(". ");
    throw new CommandError(line ?? "", HINT);
  }
};

/** Runs the plan; the outcome is written to stdout as JSON, progress to stderr, and exit codes are those of `espalier run`. */
export const runModule = async (plan: Plan, base: string): Promise<void> => {
  try {
    const { out, ...others } = parsed();
    if (out === undefined) throw new CommandError("--out DIR is missing", HINT);
    const reporter = reporterFor(process.stderr.isTTY === true);
    const outcome = await interruptible((interrupted) =>
      runPlan(plan, { base, out, ...others, reporter, interrupted }),
    );
    finishCommand(outcome, true);
  } catch (error) {
    process.exitCode = failure(error);
  }
};
