/**
 * A checked recipe becomes a plan: stages in the spec's order, programs and kernels once each. What a run may never come to
 * (candidates of a search, and what follows for each that may be the best) is planned when its turn comes.
 */

import { flopsPerToken } from "../library/flops.js";
import type { ModelShape } from "../library/library.js";
import type {
  Chapter,
  ChoiceSource,
  DataSource,
  EvaluateStage,
  ModelLayout,
  Part,
  Plan,
  Stage,
  WaitingStage,
} from "../plan.js";
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
  readonly layouts: ReadonlyMap<string, ModelLayout>;
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

/** Layouts of all models but those that are laid out already. */
const layoutsOf = (
  recipe: Recipe,
  { halves }: Target,
  known: ReadonlyMap<string, ModelLayout>,
): Map<string, ModelLayout> => {
  const context = contextOf(recipe);
  const dtypes = halves ? dtypesOfModels(recipe) : null;
  const counted = new Map<ModelShape, number>();
  const flopsOf = (shape: ModelShape): number => {
    const flops = counted.get(shape) ?? must(flopsPerToken(shape, context));
    counted.set(shape, flops);
    return flops;
  };
  return new Map(
    [...recipe.models.values()]
      .filter(({ name }) => !known.has(name))
      .map(({ name, shape }) => [name, layoutOf(name, shape, flopsOf(shape), dtypes?.get(name))]),
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
  const { arithmetic, candidate } = step;
  return { kind: "evaluate", arithmetic, choices, entries: [], candidate };
};

const planStep = (planning: Planning, step: Step, index: number): Stage => {
  switch (step.kind) {
    case "open":
    case "prune":
    case "rank":
    case "best":
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
      const { arithmetic, candidate } = step;
      return { kind: "evaluate", arithmetic, choices: [], entries, candidate };
    }
    default:
      return step satisfies never;
  }
};

/** What is known of a candidate's stage before it is planned; null of any other. */
const waitingFor = (step: Step): WaitingStage | null => {
  if (step.kind === "evaluate" && step.candidate !== null) {
    const { kind, arithmetic, models, candidate } = step;
    return { kind: "waiting", does: { kind, arithmetic, models, candidate } };
  }
  if (step.kind !== "distill" || step.candidate === null) return null;
  const { kind, name, student, teacher, arithmetic, data, steps, windows, candidate } = step;
  return {
    kind: "waiting",
    does: { kind, name, student, teacher, arithmetic, data, steps, windows, candidate },
  };
};

const programsIn = ({ programs, kernels }: Programs): Pick<Chapter, "programs" | "kernels"> => ({
  programs: Object.fromEntries(programs),
  kernels: Object.fromEntries([...kernels].sort(([a], [b]) => (a < b ? -1 : 1))),
});

/** Stages as far as they can be planned before they are run, and what plans the others. */
export interface Outline {
  readonly chapter: Chapter;
  /** The place of its first stage among all. */
  readonly from: number;
  /** Plans a stage that waits, by its place among all. */
  readonly part: (index: number) => Part;
  /** Which candidates the best may be, where the chapter decides that: ids, with parameters. */
  readonly contenders: readonly { readonly id: number; readonly parameters: number }[];
  /** What follows where one of these is the best. */
  readonly next: (id: number) => Outline;
}

const outlineFrom = (
  recipe: Recipe,
  target: Target,
  counts: WindowCounts,
  known: ReadonlyMap<string, ModelLayout>,
  from: number,
): Outline => {
  const made = layoutsOf(recipe, target, known);
  const layouts = new Map([...known, ...made]);
  const into = createPrograms(target);
  const planning: Planning = { recipe, layouts, into, counts };
  const stages = recipe.steps
    .slice(from)
    .map((step, at) => waitingFor(step) ?? planStep(planning, step, from + at));
  const { decision } = recipe;
  const ways = [...(decision?.recipes ?? [])];
  return {
    chapter: {
      models: Object.fromEntries(made),
      stages,
      ...programsIn(into),
      decision:
        decision === null ? null : { search: decision.search, model: decision.model, chapters: {} },
    },
    from,
    part: (index) => {
      const step = recipe.steps[index];
      if (step === undefined) throw new Error(`the recipe has no step ${index}`);
      const own = createPrograms(target);
      const stage = planStep({ ...planning, into: own }, step, index);
      return { stage, ...programsIn(own) };
    },
    contenders: ways.map(([id, { models }]) => ({
      id,
      parameters: models.get(decision?.model ?? "")?.shape.parameters ?? 0,
    })),
    next: (id) => {
      const way = decision?.recipes.get(id);
      if (way === undefined) throw new Error(`no candidate ${id} may be the best`);
      return outlineFrom(way, target, counts, layouts, recipe.steps.length);
    },
  };
};

/** What of a plan is no chapter of it. */
export const titleOf = (
  recipe: Recipe,
  { maxBinding, memory }: Target,
): Omit<Plan, keyof Chapter> => ({
  format: 1,
  title: recipe.file.path,
  seed: recipe.seed,
  limits: { maxBinding, memory },
  settings: recipe.settings,
  data: Object.fromEntries(recipe.data),
  sources: recipe.sources(),
});

/** Plans what does not depend on the run. Throws WindowsUnknown where a count is needed, and only then. */
export const outlineOf = (recipe: Recipe, target: Target, counts: WindowCounts): Outline =>
  outlineFrom(recipe, target, counts, new Map(), 0);
