/**
 * Scores kept from run to run, each in a file named by a hash of all that they depend on: the programs that compute them
 * (so criterion, library and architecture), the model's weights, the windows, versions and adapter. What a spec says
 * besides, such as the sizes to cut to, is not among it: another target finds the scores of the one before.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Plan, ScoreStage, Stage } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import type { RunContext } from "./context.js";
import { canonicalJson, type LockInputs } from "./lock.js";
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

const hash = (value: unknown): string =>
  createHash("sha256").update(canonicalJson(value)).digest("hex");

/** Programs and the kernels they launch. */
const codeOf = ({ programs, kernels }: Plan, names: readonly string[]) => {
  const used = names.map((name) => programs[name]);
  const ids = used.flatMap((program) =>
    (program?.dispatches ?? []).flatMap(({ launches }) => launches.map(({ kernel }) => kernel)),
  );
  return { used, kernels: [...new Set(ids)].map((id) => kernels[id]) };
};

/** The stage that a model comes from. */
const makes = (stage: Stage, name: string): boolean => {
  switch (stage.kind) {
    case "open":
    case "random":
      return stage.model === name;
    case "prune":
    case "distill":
      return stage.name === name;
    case "score":
    case "evaluate":
    case "rank":
    case "expect":
    case "export":
      return false;
    default:
      return stage satisfies never;
  }
};

/** What a model's weights are a function of. */
const identityOf = (context: RunContext, inputs: LockInputs, name: string): string => {
  const { plan, journal } = context;
  const stage = plan.stages.find((one) => makes(one, name));
  if (stage === undefined) throw new RunError(`the plan does not say where ${name} comes from`);
  if (stage.kind === "open") return hash(inputs.models[name]);
  if (stage.kind !== "prune") return hash([inputs, stage]);
  const indexOf = (name: string): number =>
    plan.stages.findIndex((s) => s.kind === "score" && s.name === name);
  const scored = indexOf(stage.scores);
  const source = identityOf(context, inputs, stage.source);
  const { name: _name, source: _source, scores: _scores, compensations, ...how } = stage;
  const made = compensations.map(({ scores: _scores, ...of }) => of);
  const taken = compensations.map(({ scores }) => journal.result(indexOf(scores)));
  return hash([source, { ...how, compensations: made }, journal.result(scored), taken]);
};

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
  const opened = plan.stages.find((s) => s.kind === "open");
  const data = scoredData(stage);
  const key = hash({
    versions: inputs.versions,
    adapter: inputs.adapter,
    model: identityOf(context, inputs, stage.model),
    // Texts are read by the tokenizer of the first model.
    tokenizer: opened === undefined ? null : inputs.models[opened.model],
    data: [plan.data[data], inputs.data[data]],
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
