/** Weights that a run would refuse, as `check` says them: by the headers of their files, and of all models at once. */
import { resolve } from "node:path";
import { layoutOf } from "../../compiler/planning/layout.js";
import type { OpenStep, Recipe } from "../../compiler/recipe/recipe.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { recipeMessages } from "../../grammar/messages/recipe.js";
import { reporter } from "../../grammar/messages/registry.js";
import { RunError } from "../errors.js";
import { isGguf } from "../formats/gguf-files.js";
import { hasWeightFiles, otherWeights } from "../formats/weight-files.js";
import { sourcePlace } from "./stage-places.js";

const say = reporter(recipeMessages);

/** A folder with config.json alone is a shape to plan with. */
const isShapeAlone = (path: string): boolean =>
  !isGguf(path) && !hasWeightFiles(path) && otherWeights(path).length === 0;

const refusal = async (recipe: Recipe, step: OpenStep, path: string): Promise<RunError | null> => {
  const shape = recipe.models.get(step.model)?.shape;
  if (shape === undefined || isShapeAlone(path)) return null;
  const { tryWeights } = await import("../formats/open-model.js");
  try {
    await tryWeights(path, step.gguf, layoutOf(step.model, shape, 0));
    return null;
  } catch (error) {
    if (error instanceof RunError) return error;
    throw error;
  }
};

/** An error of each opened model whose weights cannot be read. */
export const weightProblems = async (
  recipe: Recipe,
  base: string,
): Promise<readonly Diagnostic[]> => {
  const found: Diagnostic[] = [];
  for (const step of recipe.steps) {
    if (step.kind !== "open") continue;
    const span = sourcePlace(recipe, "model", step.model);
    const refused = await refusal(recipe, step, resolve(base, step.path));
    if (span === null || refused === null) continue;
    const { message: reason, hint } = refused;
    const place = { path: recipe.file.path, span };
    found.push(say("weights-unreadable", place, { path: step.path, reason, hint }));
  }
  return found;
};
