/** The scoring stage: every criterion of a `score` in one forward pass over the data (Minitron, section 2.2). */
import { Builder } from "../ir/build.js";
import type { Node } from "../ir/tensor.js";
import { scoreCount, scoreOf } from "../library/criterion.js";
import { returnedBy } from "../library/cut-gradient.js";
import { forward, wideAxes } from "../library/forward.js";
import { scoresRuns } from "../library/runs.js";
import type { DataSource, ModelLayout, ScoreStage, ScoreTable } from "../plan.js";
import type { Recipe, ScoreStep } from "../recipe/recipe.js";
import { must } from "./outcome.js";
import type { Programs } from "./programs.js";
import { NotSegmentable } from "./segments.js";
import { feedInputs, planSweep, type SweepGraph, windowAxes } from "./sweep.js";

const outputNames = (axis: string, count: number): string[] =>
  count === 1 ? [axis] : Array.from({ length: count }, (_, index) => `${axis}@${index}`);

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
  const graphOf = (cut: boolean): SweepGraph => {
    const builder = new Builder();
    const { tokens, labels } = feedInputs(builder, windowAxes(total, data));
    const pass = must(forward(shape, builder, { model: layout.name, tokens, cut }));
    const outputs = step.entries.flatMap(({ axis, criterion }) => {
      const subject = {
        forward: pass,
        tokens,
        labels,
        seed: recipe.seed,
        model: layout.name,
        axis,
      };
      const found = scoreOf(criterion, recipe.library, builder, shape, subject);
      // A pass cut at its layers is no longer one that leads from any value to the logits.
      if (!found.ok && cut)
        throw new NotSegmentable(
          `\`${axis} by ${criterion.text}\` looks at several layers at once`,
        );
      const scores = must(found);
      const names = outputNames(axis, scores.length);
      return scores.map((node, index): [string, Node] => [names[index] ?? axis, node]);
    });
    return {
      builder,
      graph: { outputs: Object.fromEntries(outputs) },
      carried: pass.carried,
      returned: pass.cut === null ? [] : returnedBy(builder, pass.cut),
    };
  };
  const tables = step.entries.map(({ axis, criterion, within: names }): ScoreTable => {
    const sizeOf = (name: string): number => shape.axes.find((a) => a.name === name)?.size ?? 0;
    const size = sizeOf(axis);
    const within = names.map((name) => ({ name, size: sizeOf(name) }));
    const along = axis === shape.layerAxis ? [] : [...(shape.along.get(axis) ?? [])];
    const outputs = outputNames(axis, scoreCount(criterion, shape, axis));
    const runs = scoresRuns(criterion);
    return { axis, criterion: criterion.text, outputs, along, size, within, runs };
  });
  const parts = {
    name: step.name,
    data,
    total,
    layout,
    order: "shuffled",
    arithmetic: step.arithmetic,
    wide: wideAxes([shape]),
  } as const;
  const sweep = planSweep(into, parts, graphOf);
  const { name, model: of, arithmetic } = step;
  const pass = { kind: "sweep", sweep } as const;
  return { kind: "score", name, model: of, arithmetic, pass, tables };
};
