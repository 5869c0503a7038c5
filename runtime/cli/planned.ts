/** From a spec to its plan, counting windows where a stage takes all of a data set. */
import { compile, countedData, type WindowCounts } from "../../compiler/compile.js";
import type { Plan } from "../../compiler/plan.js";
import type { Recipe } from "../../compiler/recipe/recipe.js";
import { openCorpus } from "../data/corpus.js";
import { RunError } from "../errors.js";
import { tokenizerOf } from "../run/tokenizer-of.js";

/** Test option: compile as if bindings were limited to so many bytes. */
const bindingLimit = (): { maxBinding?: number } => {
  const value = Number(process.env.ESPALIER_MAX_BINDING ?? "");
  return Number.isInteger(value) && value >= 4096 ? { maxBinding: value } : {};
};

const countWindows = async (recipe: Recipe, base: string): Promise<WindowCounts> => {
  const counts: Record<string, number> = {};
  const opened = recipe.steps.find((step) => step.kind === "open");
  for (const name of countedData(recipe)) {
    const source = recipe.data.get(name);
    if (source === undefined || opened?.kind !== "open")
      throw new RunError(`the windows of ${name} cannot be counted without an opened model`);
    const tokenizer = await tokenizerOf(base, opened.path);
    counts[name] = (await openCorpus(source, base, tokenizer)).windows;
  }
  return counts;
};

export const planOf = async (recipe: Recipe, base: string): Promise<Plan> =>
  compile(recipe, await countWindows(recipe, base), bindingLimit());
