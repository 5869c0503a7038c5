/** A model that a command is given, and how many tokens of it to take at once. */
import { resolve } from "node:path";
import type { Dtypes } from "../../compiler/library/dtypes.js";
import type { ModelShape } from "../../compiler/library/library.js";
import type { OpenStep } from "../../compiler/recipe/recipe.js";
import { RunError } from "../errors.js";
import { madeRecipe } from "./made-recipe.js";
import { wholeOption } from "./number-option.js";

export interface OpenedModel {
  readonly shape: ModelShape;
  /** What its files store weights in. */
  readonly dtypes: Dtypes;
  /** As a plan opens it; the path is absolute. */
  readonly open: OpenStep;
}

/** The name of the model in recipes that commands make. */
export const SUBJECT = "subject";

/** Files of definitions that `--use` names. */
export type UsedFiles = readonly string[] | undefined;

/** The lines of a recipe that opens it. */
export const openingText = (path: string, used: UsedFiles): string =>
  [
    "edition 1",
    ...(used ?? []).map((file) => `use ${JSON.stringify(resolve(file))}`),
    `model ${SUBJECT} = open(${JSON.stringify(resolve(path))})`,
    "",
  ].join("\n");

/** Reads what the model says of itself; `purpose` is the command. */
export const openedModel = (purpose: string, path: string, used: UsedFiles): OpenedModel => {
  const { models, steps, stored } = madeRecipe(
    purpose,
    openingText(path, used),
    process.cwd(),
    (warning) => process.stderr.write(`warning: ${warning.message}\n`),
  );
  const shape = models.get(SUBJECT)?.shape;
  const open = steps.find((step) => step.kind === "open");
  if (shape === undefined || open === undefined) throw new RunError(`${path} is no model`);
  return { shape, dtypes: stored.get(SUBJECT) ?? new Map(), open };
};

/** Longer windows only cost memory and time unless asked for. */
const LONGEST_WINDOW = 1024;

/** As asked for, else the model's context, within reason. */
export const windowOf = ({ config }: ModelShape, asked: string | undefined): number => {
  if (asked !== undefined) return wholeOption(asked, "--window");
  const context = config.max_position_embeddings ?? config.n_positions;
  return typeof context === "number" && context > 0 ? Math.min(context, LONGEST_WINDOW) : 256;
};
