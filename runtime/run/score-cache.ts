/**
 * Scores kept from run to run, each in a file named by a hash of all that they depend on: the programs that compute them
 * (so criterion, library and architecture), the model's weights, the windows, versions and adapter. What a spec says
 * besides, such as the sizes to cut to, is not among it: another target finds the scores of the one before.
 */
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { ScoreStage } from "../../compiler/plan.js";
import type { RunContext } from "./context.js";
import { codeOf, hash, identityOf, readAs } from "./identity.js";
import type { LockInputs } from "./lock.js";
import type { ScoreResult } from "./score.js";
import { scorePrograms } from "./stage-programs.js";
import { writeWhole } from "./write-whole.js";

/** Where scores are kept, and what this run is a function of. */
export interface ScoreCache {
  readonly folder: string;
  readonly inputs: LockInputs;
}

/** Beside a run's output folder, so that runs into neighbouring folders find each other's. */
export const scoresBeside = (out: string): string => join(dirname(out), ".espalier", "scores");

const tableSchema = z.object({
  axis: z.string(),
  criterion: z.string(),
  along: z.array(z.object({ name: z.string(), size: z.int() })),
  size: z.int(),
  within: z.array(z.object({ name: z.string(), size: z.int() })),
  runs: z.boolean(),
  scores: z.array(z.number()),
});

export const scoresSchema = z.object({
  format: z.literal(1),
  /** What was scored by what, for who looks for a file. */
  criteria: z.array(z.string()),
  result: z.object({
    model: z.string(),
    data: z.string(),
    windows: z.array(z.int()),
    arithmetic: z.enum(["f32", "f16"]),
    tables: z.array(tableSchema),
  }),
});

export const scoredData = ({ pass }: ScoreStage): string =>
  pass.kind === "sweep" ? pass.sweep.data : pass.data;

/** Where the scores of a stage are kept; null where a run keeps none. */
export const scoresPath = (
  context: RunContext,
  stage: ScoreStage,
  windows: readonly number[],
): string | null => {
  const { plan, scores } = context;
  if (scores === null) return null;
  const { folder, inputs } = scores;
  const key = hash({
    ...readAs(context, inputs, scoredData(stage)),
    model: identityOf(context, inputs, stage.model),
    windows,
    stage,
    code: codeOf(plan, scorePrograms(stage)),
  });
  return join(folder, `${key}.json`);
};

/** Scores that an earlier run left; null where there are none that can be read. */
export const keptScores = async (
  context: RunContext,
  path: string,
): Promise<ScoreResult | null> => {
  try {
    const { result } = scoresSchema.parse(JSON.parse(await readFile(path, "utf8")));
    context.reporter.line(`scores reused: ${path}`);
    return result;
  } catch {
    return null;
  }
};

/** Keeps the scores of a stage for later runs; a folder that cannot be written to costs only them. */
export const keepScores = async (
  context: RunContext,
  path: string,
  stage: ScoreStage,
  result: ScoreResult,
): Promise<void> => {
  const folder = dirname(path);
  const criteria = stage.tables.map(({ axis, criterion }) => `${axis} by ${criterion}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeWhole(path, `${JSON.stringify({ format: 1, criteria, result }, null, 1)}\n`);
  } catch {
    context.reporter.line(`warning: scores cannot be kept in ${folder}`);
  }
};
