/** The score stage: importance of every unit, read back once at the end of the sweep, or kept from an earlier run. */
import type { ScoreStage } from "../../compiler/plan.js";
import type { Arithmetic } from "../../kernels/operand.js";
import type { AxisScores } from "../weights/decisions.js";
import type { RunContext } from "./context.js";
import { keepScores, keptScores, scoresPath } from "./score-cache.js";
import { runSweep, sweepWindows } from "./sweep.js";

export interface ScoreResult {
  readonly model: string;
  readonly data: string;
  /** Which windows of the data were looked at, in order. */
  readonly windows: readonly number[];
  readonly arithmetic: Arithmetic;
  readonly tables: readonly AxisScores[];
}

export const runScore = async (context: RunContext, stage: ScoreStage): Promise<ScoreResult> => {
  const windows = sweepWindows(context, stage.model, stage.sweep, stage.name);
  const path = scoresPath(context, stage, windows);
  const kept = path === null ? null : await keptScores(context, path);
  if (kept !== null) return kept;
  const { name, model, arithmetic, sweep } = stage;
  const { outputs: results } = await runSweep(context, name, model, sweep, windows);
  const tables = stage.tables.map(({ axis, criterion, outputs, along, size, within, runs }) => ({
    axis,
    criterion,
    along,
    size,
    within,
    runs,
    scores: outputs.flatMap((output) => [...(results.get(output) ?? [])]),
  }));
  const result = { model, data: sweep.data, windows, arithmetic, tables };
  if (path !== null) await keepScores(context, path, stage, result);
  return result;
};
