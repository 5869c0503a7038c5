/** The command line of a module written by `espalier compile`: `node recipe.mjs --out DIR [--base DIR] [--adapter WHICH]`. */
import { parseArgs } from "node:util";
import type { Plan } from "../../compiler/plan.js";
import { runPlan } from "../run-plan.js";
import { CommandError, failure } from "./failure.js";
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

/** Runs the plan; the outcome is written to stdout as JSON, and exit codes are those of `espalier run`. */
export const runModule = async (plan: Plan, base: string): Promise<void> => {
  try {
    const { out, ...others } = parsed();
    if (out === undefined) throw new CommandError("--out DIR is missing", HINT);
    finishCommand(await runPlan(plan, { base, out, ...others }), true);
  } catch (error) {
    process.exitCode = failure(error);
  }
};
