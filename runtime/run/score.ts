/** The score stage: importance of every unit, by a sweep over texts or by questions, or kept from an earlier run. */
import type { ScoreStage } from "../../compiler/plan.js";
import type { Arithmetic } from "../../kernels/operand.js";
import type { AxisScores } from "../weights/decisions.js";
import { askedQuestions, runAnswers } from "./answers.js";
import type { RunContext } from "./context.js";
import { keepScores, keptScores, scoredData, scoresPath } from "./score-cache.js";
import { runSweep, sweepWindows } from "./sweep.js";

export interface ScoreResult {
  readonly model: string;
  readonly data: string;
  /** Which windows or questions of the data were looked at, in order. */
  readonly windows: readonly number[];
  readonly arithmetic: Arithmetic;
  readonly tables: readonly AxisScores[];
}

/** Numbers of every output of the stage's tables. */
const outputsOf = async (
  context: RunContext,
  stage: ScoreStage,
  windows: readonly number[],
): Promise<ReadonlyMap<string, Iterable<number>>> => {
  const { name, model, pass } = stage;
  if (pass.kind === "answers") return runAnswers(context, stage, pass, windows);
  return (await runSweep(context, name, model, pass.sweep, windows)).outputs;
};

export const runScore = async (context: RunContext, stage: ScoreStage): Promise<ScoreResult> => {
  const { model, name, arithmetic, pass } = stage;
  const windows =
    pass.kind === "answers"
      ? askedQuestions(context, stage, pass)
      : sweepWindows(context, model, pass.sweep, name);
  const path = scoresPath(context, stage, windows);
  const kept = path === null ? null : await keptScores(context, path);
  if (kept !== null) return kept;
  const results = await outputsOf(context, stage, windows);
  const tables = stage.tables.map(({ axis, criterion, outputs, along, size, within, runs }) => ({
    axis,
    criterion,
    along,
    size,
    within,
    runs,
    scores: outputs.flatMap((output) => [...(results.get(output) ?? [])]),
  }));
  const result = { model, data: scoredData(stage), windows, arithmetic, tables };
  if (path !== null) await keepScores(context, path, stage, result);
  return result;
};
