/** From a spec to its plan, counting windows where a stage takes all of a data set. */
import {
  compile,
  compileOutline,
  countedData,
  DoesNotFit,
  type Outline,
  planAll,
  smallestAndLargest,
  type WindowCounts,
} from "../../compiler/compile.js";
import type { WholePlan } from "../../compiler/plan.js";
import type { Recipe } from "../../compiler/recipe/recipe.js";
import type { Texts } from "../../compiler/recipe/texts.js";
import { openCorpora } from "../data/corpus.js";
import { RunError } from "../errors.js";
import type { Course, Supply } from "../run/supply.js";
import { tokenizerOf } from "../run/tokenizer-of.js";
import { EXIT } from "./exit.js";
import { CommandError } from "./failure.js";
import { memoryOf, memoryText } from "./memory.js";
import { type CheckedSpec, checkSpec, recipeOf, type SpecOptions } from "./spec.js";

/** Test option: compile as if bindings were limited to so many bytes. */
const bindingLimit = (): { maxBinding?: number } => {
  const value = Number(process.env.ESPALIER_MAX_BINDING ?? "");
  return Number.isInteger(value) && value >= 4096 ? { maxBinding: value } : {};
};

/** The data of these names, with what mixtures among them are made of, in order of declaration. */
const withParts = (recipe: Recipe, names: readonly string[]): readonly Texts[] => {
  const wanted = new Set(names);
  const sources = [...recipe.data.values()].filter((source) => source.kind !== "choices");
  // Parts are declared before what they are mixed into.
  for (const source of sources.toReversed())
    if (wanted.has(source.name) && source.kind === "mix")
      for (const { data } of source.parts) wanted.add(data);
  return sources.filter(({ name }) => wanted.has(name));
};

const countWindows = async (recipe: Recipe, base: string): Promise<WindowCounts> => {
  const counted = countedData(recipe);
  if (counted.length === 0) return {};
  const opened = recipe.steps.find((step) => step.kind === "open");
  if (opened?.kind !== "open")
    throw new RunError(`the windows of ${counted[0]} cannot be counted without an opened model`);
  const tokenizer = await tokenizerOf(base, opened);
  const corpora = await openCorpora(withParts(recipe, counted), base, tokenizer);
  const counts = [...corpora.values()].map(({ name, windows }) => [name, windows] as const);
  for (const corpus of corpora.values()) corpus.close();
  return Object.fromEntries(counts);
};

/** Compiles for `--memory`. What takes more than that is a CommandError that says what would fit. */
const compiledFor = <T>(
  memory: string | undefined,
  compiling: (target: { readonly memory: number | null }) => T,
): T => {
  try {
    return compiling({ ...bindingLimit(), memory: memoryOf(memory) });
  } catch (error) {
    if (!(error instanceof DoesNotFit)) throw error;
    const { stage, needed, whole } = error;
    const takes = `${stage} takes ${memoryText(needed)} of device memory at once, even`;
    if (whole === null)
      throw new CommandError(
        `${takes} window by window and with one layer's activations at a time`,
        {
          hint: `give it --memory ${memoryText(needed)}, or shorter windows`,
        },
      );
    throw new CommandError(
      `${takes} window by window: its model cannot go through layer by layer, as ${whole}`,
      {
        hint: `give it --memory ${memoryText(needed)}, shorter windows, or criteria that look at one layer at a time`,
      },
    );
  }
};

/** The whole plan; `memory` as in `--memory`. */
export const planOf = async (recipe: Recipe, base: string, memory?: string): Promise<WholePlan> => {
  const counts = await countWindows(recipe, base);
  return compiledFor(memory, (target) => compile(recipe, counts, target));
};

/** As much of the plan as explains it: of what may be the best of a search, the smallest and the largest. */
const explainedPlan = async (recipe: Recipe, base: string, memory?: string): Promise<WholePlan> => {
  const counts = await countWindows(recipe, base);
  return compiledFor(memory, (target) => compile(recipe, counts, target, smallestAndLargest));
};

const supplyOf = ({ part, next }: Outline): Supply => ({
  part,
  next: (id) => {
    const outline = next(id);
    return { chapter: outline.chapter, supply: supplyOf(outline) };
  },
});

/** Whether all of it fits `--memory`, candidates of searches too; else a CommandError that says what would. */
export const checkMemory = async (recipe: Recipe, base: string, memory: string): Promise<void> => {
  const counts = await countWindows(recipe, base);
  compiledFor(memory, (target) => planAll(compileOutline(recipe, counts, target).outline));
};

/** A plan to run, of which some is compiled when its turn comes. */
export const courseOf = async (recipe: Recipe, base: string, memory?: string): Promise<Course> => {
  const counts = await countWindows(recipe, base);
  return compiledFor(memory, (target) => {
    const { plan, outline } = compileOutline(recipe, counts, target);
    return { plan, supply: supplyOf(outline) };
  });
};

/** The recipe of a command; null where the spec is wrong, which is then said and in the exit code. */
export const rightRecipe = (checked: CheckedSpec): Recipe | null => {
  const recipe = recipeOf(checked);
  if (recipe === null) process.exitCode = EXIT.spec;
  return recipe;
};

export interface PlannedSpec {
  readonly checked: CheckedSpec;
  readonly plan: WholePlan;
}

/** The spec of a command with its plan, whole or as far as explains it; null as `rightRecipe`. */
export const planSpec = async (
  spec: string,
  options: SpecOptions,
  wanted: "whole" | "explained" = "whole",
): Promise<PlannedSpec | null> => {
  const checked = checkSpec(spec, options);
  const recipe = rightRecipe(checked);
  if (recipe === null) return null;
  const planning = wanted === "whole" ? planOf : explainedPlan;
  return { checked, plan: await planning(recipe, checked.base, options.memory) };
};
