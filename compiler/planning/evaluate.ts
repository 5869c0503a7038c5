/** The evaluation stage: each model's metrics as one sweep over the data. */
import { Builder } from "../ir/build.js";
import type { Node } from "../ir/tensor.js";
import { forward, wideAxes } from "../library/forward.js";
import { elaborateMetric } from "../library/metric.js";
import type { DataSource, ModelLayout, Sweep } from "../plan.js";
import type { EvaluateStep, Recipe } from "../recipe/recipe.js";
import { must } from "./outcome.js";
import type { Programs } from "./programs.js";
import { feedInputs, planSweep, type SweepGraph, windowAxes } from "./sweep.js";

/** Plans the metrics of one model; `name` prefixes the programs. */
export const planMetrics = (
  into: Programs,
  name: string,
  recipe: Recipe,
  step: EvaluateStep,
  layout: ModelLayout,
  data: DataSource,
  total: number,
): Sweep => {
  const shape = recipe.models.get(layout.name)?.shape;
  if (shape === undefined)
    throw new Error(`the check let an unknown model through: ${layout.name}`);
  const graphOf = (cut: boolean): SweepGraph => {
    const builder = new Builder();
    const { tokens, labels } = feedInputs(builder, windowAxes(total, data));
    const pass = must(forward(shape, builder, { model: layout.name, tokens, cut }));
    const scope = { model: pass.values, labels };
    const outputs = step.metrics.map((metric): [string, Node] => [
      metric.decl.name.name,
      must(elaborateMetric(metric, recipe.library, builder, scope)),
    ]);
    const graph = { outputs: Object.fromEntries(outputs) };
    return { builder, graph, carried: pass.carried, returned: [] };
  };
  const wide = wideAxes([shape]);
  return planSweep(
    into,
    { name, data, total, layout, order: "sequential", arithmetic: step.arithmetic, wide },
    graphOf,
  );
};
