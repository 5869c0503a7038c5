/** Recipes that a command makes for one model, without a spec: what is wrong with the model is said as a failed run. */
import { check } from "../../compiler/check.js";
import type { Recipe } from "../../compiler/recipe/recipe.js";
import { RunError } from "../errors.js";
import { fileHost } from "./host.js";

/** The recipe of a text; `purpose` says what the model then cannot be used for. */
export const madeRecipe = (purpose: string, text: string, base: string): Recipe => {
  const { recipe, diagnostics } = check(purpose, text, fileHost(base), {});
  const wrong = diagnostics.find((diagnostic) => diagnostic.severity === "error");
  if (recipe !== null && wrong === undefined) return recipe;
  throw new RunError(
    wrong?.message ?? `this model cannot be used for ${purpose}`,
    wrong?.hint === undefined ? {} : { hint: wrong.hint },
  );
};
