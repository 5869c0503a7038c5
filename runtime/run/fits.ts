/** Whether an adapter can hold the buffers of a plan, asked before the first stage rather than when one is made. */
import type { Chapter, Program, Stage } from "../../compiler/plan.js";
import { mebibytes } from "../device-error.js";
import { RunError } from "../errors.js";
import { stagePrograms } from "./stage-programs.js";
import { stageTitle } from "./words.js";

/** Weights can take turns where a stage only reads them; training needs them all. */
const hintFor = (stage: Stage): string =>
  stage.kind === "distill"
    ? "distil a smaller model, or use an adapter with larger buffers"
    : "give --memory, like 2GiB: then the model goes through layer by layer";

/** Throws a RunError where a stage has a buffer larger than `largest` bytes. */
export const checkStageFits = (
  stage: Stage,
  programs: Readonly<Record<string, Program>>,
  largest: number,
): void => {
  for (const name of stagePrograms(stage))
    for (const { id, bytes } of programs[name]?.buffers ?? [])
      if (bytes > largest)
        throw new RunError(
          `${stageTitle(stage)} needs ${id} of ${mebibytes(bytes)} in one buffer, and this adapter's largest is ${mebibytes(largest)}`,
          { hint: hintFor(stage) },
        );
};

/** Throws a RunError where one of the stages that are compiled has such a buffer. */
export const checkFits = ({ stages, programs }: Chapter, largest: number): void => {
  for (const stage of stages)
    if (stage.kind !== "waiting") checkStageFits(stage, programs, largest);
};
