/** The compiler's front door: a checked recipe to a plan. */

import type { Dtypes } from "./library/dtypes.js";
import type { ModelShape } from "./library/library.js";
import type { Continuation, Plan, WholePlan } from "./plan.js";
import { type Choose, completed, everyOne } from "./planning/complete.js";
import { planContinuation } from "./planning/continuation.js";
import { type Outline, outlineOf, titleOf, type WindowCounts } from "./planning/plan.js";
import type { Recipe, Step } from "./recipe/recipe.js";
import { toTheEnd } from "./recipe/to-the-end.js";
import { portableTarget, type Target } from "./schedule/target.js";

export { planAll, smallestAndLargest } from "./planning/complete.js";
export { DoesNotFit } from "./planning/fit.js";
export type { Outline, WindowCounts } from "./planning/plan.js";

const readsAll = (recipe: Recipe, step: Step): string | null => {
  const unbounded = (name: string): string | null => {
    const data = recipe.data.get(name);
    // Questions are asked one by one, however many there are.
    return data?.take === null && data.kind !== "choices" ? name : null;
  };
  if (step.kind === "score" && step.take === null) return unbounded(step.data);
  if (step.kind === "distill" && step.cacheLogits !== null) return unbounded(step.data);
  return step.kind === "evaluate" ? unbounded(step.data) : null;
};

/** Data sets whose number of windows the plan depends on, because a stage takes all of them. */
export const countedData = (recipe: Recipe): readonly string[] => [
  ...new Set(
    toTheEnd(recipe)
      .steps.map((step) => readsAll(recipe, step))
      .filter((name): name is string => name !== null),
  ),
];

/** A plan of which some waits for its turn, and what compiles that then. */
export interface Outlined {
  readonly plan: Plan;
  readonly outline: Outline;
}

/** Compiles what does not depend on the run. `counts` must hold the windows of every data set of `countedData`. */
export const compileOutline = (
  recipe: Recipe,
  counts: WindowCounts = {},
  target: Partial<Target> = {},
): Outlined => {
  const whole = { ...portableTarget, ...target };
  const outline = outlineOf(recipe, whole, counts);
  return { plan: { ...titleOf(recipe, whole), ...outline.chapter }, outline };
};

/** Compiles a whole recipe; what depends on which candidate is the best, for those that are chosen. */
export const compile = (
  recipe: Recipe,
  counts: WindowCounts = {},
  target: Partial<Target> = {},
  choose: Choose = everyOne,
): WholePlan => {
  const { plan, outline } = compileOutline(recipe, counts, target);
  return { ...plan, ...completed(outline, choose) };
};

/** Compiles what generation runs: the model under this name, its weights of these types, for texts of up to each of these lengths. */
export const compileContinuation = (
  name: string,
  shape: ModelShape,
  dtypes: Dtypes,
  lengths: readonly number[],
  target: Partial<Target> = {},
): Continuation => planContinuation(name, shape, dtypes, lengths, { ...portableTarget, ...target });
