/**
 * What each model's weights are stored in on the device. Those that no stage trains stay in the 16 bits of their files:
 * kernels read them as the same f32. What is trained is f32, and so is what is computed from other weights.
 */
import type { Dtypes } from "../library/dtypes.js";
import type { PruneStep, Recipe } from "../recipe/recipe.js";

/** Cutting keeps the numbers, but of weights that take in others or change with a size. */
const pruned = (source: Dtypes, step: PruneStep, recipe: Recipe): Dtypes => {
  const folded = new Set(step.folds.map(({ axis }) => axis));
  const weights = recipe.models.get(step.name)?.shape.weights ?? [];
  const kept = weights.filter(
    ({ name, dims }) =>
      !Object.hasOwn(step.rescaled, name) && !dims.flat().some((axis) => folded.has(axis.name)),
  );
  return new Map(
    kept.flatMap(({ name }) => {
      const dtype = source.get(name);
      return dtype === undefined ? [] : [[name, dtype] as const];
    }),
  );
};

/** By model; a model that is not named is f32 throughout. */
export const dtypesOfModels = (recipe: Recipe): ReadonlyMap<string, Dtypes> => {
  const found = new Map<string, Dtypes>();
  for (const step of recipe.steps) {
    if (step.kind === "open") found.set(step.model, recipe.stored.get(step.model) ?? new Map());
    if (step.kind === "best") found.set(step.model, found.get(step.from) ?? new Map());
    if (step.kind === "prune")
      found.set(step.name, pruned(found.get(step.source) ?? new Map(), step, recipe));
  }
  return found;
};
