/** Every diagnostic there is: the registries of all areas as one, and the reporter over it. */
import { axisMessages } from "./axes.js";
import { libraryMessages } from "./library.js";
import { nameMessages } from "./names.js";
import { recipeMessages } from "./recipe.js";
import { reporter } from "./registry.js";
import { syntaxMessages } from "./syntax.js";
import { unitMessages } from "./units.js";

/** By area; no code may be in two of them (test/law/diagnostics-documented.test.ts). */
export const areas = {
  syntax: syntaxMessages,
  names: nameMessages,
  axes: axisMessages,
  units: unitMessages,
  library: libraryMessages,
  recipe: recipeMessages,
} as const;

export const all = {
  ...syntaxMessages,
  ...nameMessages,
  ...axisMessages,
  ...unitMessages,
  ...libraryMessages,
  ...recipeMessages,
} as const;

export type Code = keyof typeof all;

/** Makes a diagnostic of any code: `report("unclosed-string", { path, span }, {})`. */
export const report = reporter(all);
