/** From a spec to its plan, counting windows where a stage takes all of a data set. */
import { compile, countedData, DoesNotFit, type WindowCounts } from "../../compiler/compile.js";
import type { Plan } from "../../compiler/plan.js";
import type { Recipe } from "../../compiler/recipe/recipe.js";
import type { Texts } from "../../compiler/recipe/texts.js";
import { openCorpora } from "../data/corpus.js";
import { RunError } from "../errors.js";
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

/** The plan; `memory` as in `--memory`. What takes more than that is a CommandError that says what would fit. */
export const planOf = async (recipe: Recipe, base: string, memory?: string): Promise<Plan> => {
  const counts = await countWindows(recipe, base);
  try {
    return compile(recipe, counts, { ...bindingLimit(), memory: memoryOf(memory) });
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

export interface PlannedSpec {
  readonly checked: CheckedSpec;
  readonly plan: Plan;
}

/** The spec of a command with its plan; null where the spec is wrong, which is then said and in the exit code. */
export const planSpec = async (spec: string, options: SpecOptions): Promise<PlannedSpec | null> => {
  const checked = checkSpec(spec, options);
  const recipe = recipeOf(checked);
  if (recipe === null) {
    process.exitCode = EXIT.spec;
    return null;
  }
  return { checked, plan: await planOf(recipe, checked.base, options.memory) };
};
