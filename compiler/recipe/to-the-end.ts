/** A recipe with what follows its searches, as it is of the first candidate of each: what does not depend on which is best. */
import type { Recipe } from "./recipe.js";

export const toTheEnd = (recipe: Recipe): Recipe => {
  const [way] = recipe.decision?.recipes.values() ?? [];
  return way === undefined ? recipe : toTheEnd(way);
};
