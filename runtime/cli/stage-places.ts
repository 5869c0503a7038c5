/** Where a recipe says what a stage reads. */
import type { Recipe } from "../../compiler/recipe/recipe.js";
import type { Span } from "../../grammar/span.js";

/** Of the path or pattern that `data NAME = …("…")` or `model NAME = …("…")` names; null where it is none of these. */
export const sourcePlace = (
  { file }: Recipe,
  keyword: "data" | "model",
  name: string,
): Span | null => {
  for (const decl of file.declarations)
    if (decl.kind === "stage" && decl.keyword === keyword && decl.names[0]?.name === name)
      return decl.value?.kind === "call" ? (decl.value.args[0]?.span ?? null) : null;
  return null;
};
