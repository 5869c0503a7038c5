/** `espalier resume`: goes on with a run from its output folder alone. */
import { resolve } from "node:path";
import { RunError } from "../errors.js";
import { resumeRun } from "../run/run.js";
import type { SpecRecord } from "../run/spec-record.js";
import type { Course } from "../run/supply.js";
import { interruptible } from "./interrupt.js";
import { reporterFor } from "./progress.js";
import { finishCommand } from "./result.js";
import { scoresFolder } from "./scores.js";

/** The compiler is read only where something is left to compile. */
const recompile = async (record: SpecRecord, base: string): Promise<Course> => {
  const { checkRecord, recipeOf } = await import("./spec.js");
  const { courseOf } = await import("./planned.js");
  const recipe = recipeOf(checkRecord(record));
  if (recipe === null)
    throw new RunError("the spec that the run was begun with is no longer right");
  return courseOf(recipe, base, record.memory ?? undefined);
};

export const resumeCommand = async (
  dir: string,
  options: { readonly adapter?: string; readonly scores?: string; readonly json?: boolean },
): Promise<void> => {
  const outcome = await interruptible((interrupted) =>
    resumeRun({
      out: resolve(dir),
      scores: scoresFolder({ ...options, out: dir }),
      adapter: options.adapter ?? null,
      recompile,
      reporter: reporterFor(process.stderr.isTTY === true),
      interrupted,
    }),
  );
  finishCommand(outcome, options.json === true);
};
