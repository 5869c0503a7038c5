/** What of a recipe laws are tried on: the architectures that it opens, its criteria and its losses. */
import { Builder } from "../compiler/ir/build.js";
import { forward } from "../compiler/library/forward.js";
import type { CriterionUse, ModelShape } from "../compiler/library/library.js";
import { elaborateLoss, visible } from "../compiler/library/loss.js";
import { RUN_LENGTH, takesRunLength } from "../compiler/library/runs.js";
import type { DistillStep, Recipe } from "../compiler/recipe/recipe.js";
import { toTheEnd } from "../compiler/recipe/to-the-end.js";
import type { Criteria, LossUse, Subject } from "./law.js";
import { sizeIn } from "./model.js";
import { shrunk } from "./shrunk.js";

const shapeIn = ({ models }: Recipe, name: string): ModelShape | null =>
  models.get(name)?.shape ?? null;

const isOf = (shape: ModelShape, other: ModelShape | null): boolean =>
  other?.architecture.decl === shape.architecture.decl;

/** The first of those that read the same. */
const distinct = <T>(all: readonly T[], textOf: (one: T) => string): readonly T[] =>
  [...new Map(all.toReversed().map((one) => [textOf(one), one])).values()].toReversed();

/** A criterion of runs by runs of every length: models here have fewer layers, and lose any number of them. */
const ofEveryRun = (use: CriterionUse): CriterionUse =>
  takesRunLength(use)
    ? { ...use, args: new Map([...use.args].filter(([name]) => name !== RUN_LENGTH)) }
    : use;

/** Sets of criteria, one for each `score` of a model of the architecture. */
const criteriaOf = (recipe: Recipe, shape: ModelShape): readonly Criteria[] => {
  const sets = recipe.steps.flatMap((step) =>
    step.kind === "score" && isOf(shape, shapeIn(recipe, step.model))
      ? [new Map(step.entries.map(({ axis, criterion }) => [axis, ofEveryRun(criterion)]))]
      : [],
  );
  return distinct(sets, (set) => [...set].map(([axis, { text }]) => `${axis} by ${text}`).join());
};

const layersOf = (shape: ModelShape | null): number =>
  shape === null ? 0 : sizeIn(shape, shape.layerAxis ?? "");

const useOf = (recipe: Recipe, step: DistillStep): LossUse => {
  const student = shapeIn(recipe, step.student);
  const teacher = step.teacher === null ? student : shapeIn(recipe, step.teacher);
  return {
    expr: step.loss,
    layers: { teacher: layersOf(teacher), student: layersOf(student) },
  };
};

/** Whether the loss can be worked out between two models of the architecture. */
const fits = ({ expr, layers }: LossUse, shape: ModelShape): boolean => {
  const builder = new Builder();
  const axes = ["window", "position"].map((name) => ({ name, size: 2 }));
  const [tokens, labels] = ["tokens", "labels"].map((name) => builder.input(name, axes, "u32"));
  if (tokens === undefined || labels === undefined) return false;
  const pass = forward(shape, builder, { model: "model", tokens });
  if (!pass.ok) return false;
  const values = visible(pass.value);
  const scope = { student: values, teacher: values, labels };
  const counted = layers === null ? scope : { ...scope, layers };
  return elaborateLoss(expr, shape.library, builder, counted).ok;
};

/** Losses that students of the architecture are trained by, from teachers of it too. */
const lossesOf = (recipe: Recipe, shape: ModelShape): readonly LossUse[] => {
  const uses = recipe.steps.flatMap((step) =>
    step.kind === "distill" && isOf(shape, shapeIn(recipe, step.student))
      ? [useOf(recipe, step)]
      : [],
  );
  const text = ({ expr: { file, decl } }: LossUse): string =>
    file.text.slice(decl.span.start, decl.span.end);
  return distinct(uses, text).filter((use) => fits(use, shape));
};

export type SmallSubject = Subject<readonly number[]>;

const subjectsIn = (recipe: Recipe): readonly SmallSubject[] =>
  recipe.steps.flatMap((step) => {
    const shape = step.kind === "open" ? shapeIn(recipe, step.model) : null;
    if (step.kind !== "open" || shape === null) return [];
    return [
      {
        name: step.model,
        ...shrunk(shape),
        criteria: criteriaOf(recipe, shape),
        losses: lossesOf(recipe, shape),
      },
    ];
  });

/** Sizes are drawn anew, so that the first candidate of a search stands for any that may be the best. */
export const subjectsOf = (recipe: Recipe): readonly SmallSubject[] => subjectsIn(toTheEnd(recipe));
