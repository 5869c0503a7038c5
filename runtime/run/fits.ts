/** Whether the adapter can hold the buffers of a plan, and the disk what waits there, asked before the first stage rather than when it is made. */
import { statfs } from "node:fs/promises";
import type { Chapter, Program, Stage } from "../../compiler/plan.js";
import { mebibytes } from "../device-error.js";
import { RunError } from "../errors.js";
import { stagePrograms, sweepsOf } from "./stage-programs.js";
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

/** Throws a RunError where more waits between layers than is free on the disk of the folder `out`. */
export const checkDisk = async ({ stages }: Chapter, out: string): Promise<void> => {
  const waiting = stages.flatMap((stage) =>
    stage.kind === "waiting"
      ? []
      : sweepsOf(stage).map(({ streaming }) => ({ stage, bytes: streaming?.diskBytes ?? 0 })),
  );
  const [most] = waiting.toSorted((a, b) => b.bytes - a.bytes);
  if (most === undefined || most.bytes === 0) return;
  const { bavail, bsize } = await statfs(out);
  if (most.bytes > bavail * bsize)
    throw new RunError(
      `${stageTitle(most.stage)} keeps ${mebibytes(most.bytes)} on disk between layers, and ${mebibytes(bavail * bsize)} are free where ${out} is`,
      { hint: "choose --out on another disk, fewer windows, or more --memory" },
    );
};
