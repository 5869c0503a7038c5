/** `espalier resume`: goes on with a run from its output folder alone. */
import { resolve } from "node:path";
import { resumeRun } from "../run/run.js";
import { interruptible } from "./interrupt.js";
import { reporterFor } from "./progress.js";
import { finishCommand } from "./result.js";
import { scoresFolder } from "./scores.js";

export const resumeCommand = async (
  dir: string,
  options: { readonly adapter?: string; readonly scores?: string; readonly json?: boolean },
): Promise<void> => {
  const outcome = await interruptible((interrupted) =>
    resumeRun({
      out: resolve(dir),
      scores: scoresFolder({ ...options, out: dir }),
      adapter: options.adapter ?? null,
      reporter: reporterFor(process.stderr.isTTY === true),
      interrupted,
    }),
  );
  finishCommand(outcome, options.json === true);
};
