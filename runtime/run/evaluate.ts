/** The evaluation stage: metrics of each model over the same windows. */
import type { EvaluateStage } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { BROKEN_MODEL_HINT } from "./broken-model.js";
import { runChoices } from "./choices.js";
import type { RunContext } from "./context.js";
import { runSweep, sweepWindows } from "./sweep.js";

export interface Measure {
  readonly model: string;
  readonly data: string;
  readonly metric: string;
  readonly value: number;
}

/** How fast a model reads. */
export interface Speed {
  readonly model: string;
  readonly data: string;
  readonly tokensPerSecond: number;
}

export interface EvaluateResult {
  readonly measures: readonly Measure[];
  readonly speeds: readonly Speed[];
}

/** The context, with the model's name in all that is said of progress. */
const sayingOf = (context: RunContext, model: string): RunContext => ({
  ...context,
  reporter: {
    ...context.reporter,
    progress: (progress) => context.reporter.progress({ ...progress, model }),
  },
});

/** RunError where a measure is no number: whatever it is held against, the answer would mean nothing. */
const requireNumbers = (measures: readonly Measure[]): void => {
  for (const { model, metric, value } of measures)
    if (Number.isNaN(value))
      throw new RunError(`the ${metric} of ${model} is not a number`, { hint: BROKEN_MODEL_HINT });
};

export const runEvaluate = async (
  context: RunContext,
  stage: EvaluateStage,
): Promise<EvaluateResult> => {
  const measures: Measure[] = [];
  const speeds: Speed[] = [];
  for (const { model, sweep, metrics } of stage.entries) {
    const windows = sweepWindows(context, model, sweep, model);
    const { outputs, tokensPerSecond } = await runSweep(
      sayingOf(context, model),
      `evaluate.${model}`,
      model,
      sweep,
      windows,
    );
    if (tokensPerSecond !== null)
      speeds.push({ model, data: sweep.data, tokensPerSecond: Math.round(tokensPerSecond) });
    for (const metric of metrics)
      measures.push({
        model,
        data: sweep.data,
        metric,
        value: outputs.get(metric)?.[0] ?? Number.NaN,
      });
  }
  for (const entry of stage.choices)
    for (const { name, value } of await runChoices(sayingOf(context, entry.model), entry))
      measures.push({ model: entry.model, data: entry.data, metric: name, value });
  if (stage.candidate === null) requireNumbers(measures);
  for (const measure of measures)
    await context.metrics.append({
      stage: "evaluate",
      model: measure.model,
      data: measure.data,
      metric: measure.metric,
      value: measure.value,
    });
  return { measures, speeds };
};
