/** A checked recipe becomes a plan: stages in the spec's order, programs and kernels once each. */

import { flopsPerToken } from "../library/flops.js";
import type { ChoiceSource, DataSource, EvaluateStage, ModelLayout, Plan, Stage } from "../plan.js";
import type { EvaluateStep, Recipe, Step } from "../recipe/recipe.js";
import type { Target } from "../schedule/target.js";
import { planAnswerScore, planChoices } from "./choices.js";
import { planDistill } from "./distill.js";
import { dtypesOfModels } from "./dtypes.js";
import { planMetrics } from "./evaluate.js";
import { layoutOf } from "./layout.js";
import { must } from "./outcome.js";
import { createPrograms, type Programs } from "./programs.js";
import { planScore } from "./score.js";

/** How many windows each data set has, where a stage takes all of them. */
export type WindowCounts = Readonly<Record<string, number>>;

/** A stage takes all windows of a data set whose size is not known here. */
export class WindowsUnknown extends Error {
  constructor(readonly data: string) {
    super(`the number of windows of ${data} is not known`);
  }
}

interface Planning {
  readonly recipe: Recipe;
  readonly layouts: Map<string, ModelLayout>;
  readonly into: Programs;
  readonly counts: WindowCounts;
}

const sourceOf = (planning: Planning, name: string): DataSource => {
  const source = planning.recipe.data.get(name);
  if (source === undefined) throw new Error(`the check let unknown data through: ${name}`);
  return source;
};

const totalWindows = (planning: Planning, data: DataSource, take: number | null): number => {
  const most = take ?? data.take ?? planning.counts[data.name];
  if (most === undefined) throw new WindowsUnknown(data.name);
  return data.take === null ? most : Math.min(most, data.take);
};

const contextOf = (recipe: Recipe): number =>
  Math.max(1, ...[...recipe.data.values()].map((data) => data.window));

const layoutsOf = (recipe: Recipe, { halves }: Target): Map<string, ModelLayout> => {
  const context = contextOf(recipe);
  const dtypes = halves ? dtypesOfModels(recipe) : null;
  return new Map(
    [...recipe.models.values()].map(({ name, shape }) => [
      name,
      layoutOf(name, shape, must(flopsPerToken(shape, context)), dtypes?.get(name)),
    ]),
  );
};

const layoutNamed = (planning: Planning, name: string): ModelLayout => {
  const layout = planning.layouts.get(name);
  if (layout === undefined) throw new Error(`the check let an unknown model through: ${name}`);
  return layout;
};

const planAnswers = (
  planning: Planning,
  step: EvaluateStep,
  index: number,
  data: ChoiceSource,
): EvaluateStage => {
  const choices = step.models.map((model) => {
    const shape = planning.recipe.models.get(model)?.shape;
    if (shape === undefined) throw new Error(`the check let an unknown model through: ${model}`);
    const name = `evaluate${index}.${model}`;
    return planChoices(planning.into, name, shape, step, layoutNamed(planning, model), data);
  });
  return { kind: "evaluate", arithmetic: step.arithmetic, choices, entries: [] };
};

const planStep = (planning: Planning, step: Step, index: number): Stage => {
  switch (step.kind) {
    case "open":
    case "prune":
    case "rank":
    case "expect":
    case "export":
      return step;
    case "random": {
      const weights = planning.recipe.models.get(step.model)?.shape.weights ?? [];
      const starts = weights.flatMap(({ name, start }) => (start === null ? [] : [[name, start]]));
      return { ...step, starts: Object.fromEntries(starts) };
    }
    case "score": {
      const data = sourceOf(planning, step.data);
      const layout = layoutNamed(planning, step.model);
      if (data.kind === "choices")
        return planAnswerScore(planning.into, planning.recipe, step, layout, data);
      const total = totalWindows(planning, data, step.take);
      return planScore(planning.into, planning.recipe, step, layout, data, total);
    }
    case "distill": {
      const data = sourceOf(planning, step.data);
      const { into, recipe, layouts, counts } = planning;
      return planDistill(into, recipe, step, layouts, data, counts[data.name] ?? null);
    }
    case "evaluate": {
      const data = sourceOf(planning, step.data);
      if (data.kind === "choices") return planAnswers(planning, step, index, data);
      const total = totalWindows(planning, data, null);
      const metrics = step.metrics.map((metric) => metric.decl.name.name);
      const entries: EvaluateStage["entries"] = step.models.map((model) => ({
        model,
        metrics,
        sweep: planMetrics(
          planning.into,
          `evaluate${index}.${model}`,
          planning.recipe,
          step,
          layoutNamed(planning, model),
          data,
          total,
        ),
      }));
      return { kind: "evaluate", arithmetic: step.arithmetic, choices: [], entries };
    }
    default:
      return step satisfies never;
  }
};

/** Builds the plan. Throws WindowsUnknown where a count is needed, and only then. */
export const buildPlan = (recipe: Recipe, target: Target, counts: WindowCounts): Plan => {
  const into = createPrograms(target);
  const planning: Planning = { recipe, layouts: layoutsOf(recipe, target), into, counts };
  const stages = recipe.steps.map((step, index) => planStep(planning, step, index));
  return {
    format: 1,
    title: recipe.file.path,
    seed: recipe.seed,
    settings: recipe.settings,
    models: Object.fromEntries(planning.layouts),
    data: Object.fromEntries(recipe.data),
    stages,
    programs: Object.fromEntries(into.programs),
    kernels: Object.fromEntries([...into.kernels].sort(([a], [b]) => (a < b ? -1 : 1))),
    sources: recipe.sources(),
  };
};
