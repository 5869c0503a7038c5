/** The evaluation stage: metrics of each model over the same windows. */
import type { EvaluateStage } from "../../compiler/plan.js";
import { type RunContext, upload } from "./context.js";
import { runSweep, sweepWindows } from "./sweep.js";

export interface Measure {
  readonly model: string;
  readonly data: string;
  readonly metric: string;
  readonly value: number;
}

export interface EvaluateResult {
  readonly measures: readonly Measure[];
}

export const runEvaluate = async (
  context: RunContext,
  stage: EvaluateStage,
): Promise<EvaluateResult> => {
  const measures: Measure[] = [];
  for (const { model, sweep, metrics } of stage.entries) {
    upload(context, model);
    const results = await runSweep(context, sweep, sweepWindows(context, sweep, model));
    for (const metric of metrics)
      measures.push({
        model,
        data: sweep.data,
        metric,
        value: results.get(metric)?.[0] ?? Number.NaN,
      });
  }
  for (const measure of measures)
    await context.metrics.append({
      stage: "evaluate",
      model: measure.model,
      data: measure.data,
      metric: measure.metric,
      value: measure.value,
    });
  return { measures };
};
