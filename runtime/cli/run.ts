/** `espalier run`: compiles a spec and runs it into an output folder. */
import { resolve } from "node:path";
import { startRun } from "../run/run.js";
import { isCompiled } from "../run/supply.js";
import { CommandError } from "./failure.js";
import { interruptible } from "./interrupt.js";
import { checkMemory, courseOf, rightRecipe } from "./planned.js";
import { reporterFor } from "./progress.js";
import { finishCommand } from "./result.js";
import { scoresFolder } from "./scores.js";
import { checkSpec, type SpecOptions } from "./spec.js";

export interface RunOptions extends SpecOptions {
  readonly out: string;
  readonly adapter?: string;
  readonly scores?: string;
  readonly force?: boolean;
}

export const runCommand = async (spec: string, options: RunOptions): Promise<void> => {
  const checked = checkSpec(spec, options);
  const recipe = rightRecipe(checked);
  if (recipe === null) return;
  const { path, base, texts } = checked;
  const { set = [], profile = null, memory = null } = options;
  const { plan, supply } = await courseOf(recipe, base, options.memory);
  // What takes too much must not come to light when candidates have been trained for hours.
  if (memory !== null && !isCompiled(plan)) await checkMemory(recipe, base, memory);
  const record = { format: 1, path, texts, set, profile, memory } as const;
  if (plan.stages.length === 0)
    throw new CommandError(`${spec} has no stages, so there is nothing to run`, {
      hint: "a recipe opens a model and does something with it; definitions alone are for `check`",
    });
  const outcome = await interruptible((interrupted) =>
    startRun({
      plan,
      ...(isCompiled(plan) ? {} : { later: { supply, record } }),
      spec: path,
      base,
      out: resolve(options.out),
      scores: scoresFolder(options),
      adapter: options.adapter ?? "auto",
      force: options.force === true,
      reporter: reporterFor(process.stderr.isTTY === true),
      interrupted,
    }),
  );
  finishCommand(outcome, options.json === true);
};
