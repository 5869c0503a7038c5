/** `espalier run`: compiles a spec and runs it into an output folder. */
import { resolve } from "node:path";
import { startRun } from "../run/run.js";
import { CommandError } from "./failure.js";
import { interruptible } from "./interrupt.js";
import { planSpec } from "./planned.js";
import { reporterFor } from "./progress.js";
import { finishCommand } from "./result.js";
import { scoresFolder } from "./scores.js";
import type { SpecOptions } from "./spec.js";

export interface RunOptions extends SpecOptions {
  readonly out: string;
  readonly adapter?: string;
  readonly scores?: string;
  readonly force?: boolean;
}

export const runCommand = async (spec: string, options: RunOptions): Promise<void> => {
  const planned = await planSpec(spec, options);
  if (planned === null) return;
  const { checked, plan } = planned;
  if (plan.stages.length === 0)
    throw new CommandError(`${spec} has no stages, so there is nothing to run`, {
      hint: "a recipe opens a model and does something with it; definitions alone are for `check`",
    });
  const outcome = await interruptible((interrupted) =>
    startRun({
      plan,
      spec: checked.path,
      base: checked.base,
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
