/** Data whose files are not there, as `check` warns of them: a run would only find out when it opens them. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import type { DataSource } from "../../compiler/plan.js";
import type { Recipe } from "../../compiler/recipe/recipe.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { recipeMessages } from "../../grammar/messages/recipe.js";
import { reporter } from "../../grammar/messages/registry.js";
import { isGguf } from "../formats/gguf-files.js";
import { hasWeightFiles } from "../formats/weight-files.js";
import { sourcePlace } from "./stage-places.js";

const say = reporter(recipeMessages);

/** Whether there is a model to run: one of config.json alone has its data elsewhere too. */
const hasWeights = ({ steps }: Recipe, base: string): boolean =>
  steps.every(
    (step) => step.kind !== "open" || isGguf(step.path) || hasWeightFiles(resolve(base, step.path)),
  );

/** A file of a pattern that is plain but for a `*` at the beginning of a file's name: most are, and this takes no library. */
const plainlyMatches = (pattern: string, base: string): boolean => {
  const { dir, base: last } = posix.parse(pattern);
  if (/[*?[\]{}()!+@\\]/.test(dir) || !/^\*[^*?[\]{}()!+@\\]*$/.test(last)) return false;
  const folder = resolve(base, dir);
  const named = (file: string): boolean => !file.startsWith(".") && file.endsWith(last.slice(1));
  return (
    existsSync(folder) &&
    readdirSync(folder).some((file) => named(file) && statSync(join(folder, file)).isFile())
  );
};

const hasFiles = async (pattern: string, base: string): Promise<boolean> => {
  if (plainlyMatches(pattern, base)) return true;
  const { dataPaths } = await import("../data/corpus.js");
  return (await dataPaths(pattern, base)).length > 0;
};

const globOf = (source: DataSource): string | null => (source.kind === "mix" ? null : source.glob);

/** A warning of each pattern that no file matches. */
export const missingData = async (recipe: Recipe, base: string): Promise<readonly Diagnostic[]> => {
  if (!hasWeights(recipe, base)) return [];
  const found: Diagnostic[] = [];
  for (const [name, source] of recipe.data) {
    const pattern = globOf(source);
    const span = sourcePlace(recipe, "data", name);
    if (pattern === null || span === null || (await hasFiles(pattern, base))) continue;
    const place = { path: recipe.file.path, span };
    const status = statSync(resolve(base, pattern), { throwIfNoEntry: false });
    found.push(say("data-missing", place, { pattern, folder: status?.isDirectory() === true }));
  }
  return found;
};
