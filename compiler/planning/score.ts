/** The scoring stage: every criterion of a `score` in one forward pass over the data (Minitron, section 2.2). */
import { Builder } from "../ir/build.js";
import type { Node } from "../ir/tensor.js";
import { scoreOf } from "../library/criterion.js";
import { forward } from "../library/forward.js";
import type { DataSource, ModelLayout, ScoreStage, ScoreTable } from "../plan.js";
import type { Recipe, ScoreStep } from "../recipe/recipe.js";
import { must } from "./outcome.js";
import type { Programs } from "./programs.js";
import { feedInputs, planSweep, windowAxes } from "./sweep.js";

const outputName = (axis: string, index: number, many: boolean): string =>
  many ? `${axis}@${index}` : axis;

/** Plans one `score` step over `total` windows. */
export const planScore = (
  into: Programs,
  recipe: Recipe,
  step: ScoreStep,
  layout: ModelLayout,
  data: DataSource,
  total: number,
): ScoreStage => {
  const model = recipe.models.get(step.model);
  if (model === undefined) throw new Error(`the check let an unknown model through: ${step.model}`);
  const { shape } = model;
  const builder = new Builder();
  const { tokens } = feedInputs(builder, windowAxes(total, data));
  const pass = must(forward(shape, builder, { model: layout.name, tokens }));
  const outputs: Record<string, Node> = {};
  const tables = step.entries.map(({ axis, criterion }): ScoreTable => {
    const scores = must(
      scoreOf(criterion, recipe.library, builder, shape, {
        forward: pass,
        model: layout.name,
        axis,
      }),
    );
    const names = scores.map((node, index) => {
      const name = outputName(axis, index, scores.length > 1);
      outputs[name] = node;
      return name;
    });
    const size = shape.axes.find((a) => a.name === axis)?.size ?? 0;
    const along = axis === shape.layerAxis ? [] : [...(shape.along.get(axis) ?? [])];
    return { axis, criterion: criterion.text, outputs: names, along, size };
  });
  const sweep = planSweep(
    into,
    { name: step.name, data, total, shape, layout, order: "shuffled" },
    { outputs },
    builder,
  );
  return { kind: "score", name: step.name, model: step.model, sweep, tables };
};
