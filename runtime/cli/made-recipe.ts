/**
 * Recipes that a command makes for one model, without a spec. What is wrong with the model is said as a failed run, what is
 * wrong with a file of definitions as `check` says it.
 */
import { relative } from "node:path";
import { check } from "../../compiler/check.js";
import type { Recipe } from "../../compiler/recipe/recipe.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { RunError } from "../errors.js";
import { SpecError } from "./failure.js";
import { fileHost } from "./host.js";

/** Moves a diagnostic from the recipe, which nobody wrote, to the place in a used file that explains it; null where none does. */
const inUsedFile = (
  diagnostic: Diagnostic,
  made: string,
  sources: ReadonlyMap<string, string>,
): Diagnostic | null => {
  const isUsed = (path: string): boolean =>
    path !== made && path.endsWith(".prune") && !path.startsWith("stdlib/") && sources.has(path);
  if (isUsed(diagnostic.path)) return diagnostic;
  const [first, ...labels] = diagnostic.labels ?? [];
  if (first === undefined || !isUsed(first.path)) return null;
  const { path, span, message } = first;
  const { caret: _theirs, ...rest } = diagnostic;
  return { ...rest, path, span, labels, ...(message === "found here" ? {} : { caret: message }) };
};

/** The words of the library that a mistake of a model is found in. */
const foundIn = (
  { labels }: Diagnostic,
  sources: ReadonlyMap<string, string>,
): string | undefined => {
  const [label] = labels ?? [];
  const text = label && sources.get(label.path)?.slice(label.span.start, label.span.end);
  return text && `it is \`${text}\` of ${label.path}`;
};

/** With paths as people gave them: relative to where the command was given. */
const shown = (diagnostic: Diagnostic, base: string): Diagnostic => {
  const place = (path: string): string =>
    path.startsWith("stdlib/") ? path : relative(base, path) || path;
  const labels = (diagnostic.labels ?? []).map((label) => ({ ...label, path: place(label.path) }));
  return { ...diagnostic, path: place(diagnostic.path), labels };
};

/**
 * The recipe of a text; `purpose` says what the model then cannot be used for. `warn` is given what is said of a model that
 * can.
 */
export const madeRecipe = (
  purpose: string,
  text: string,
  base: string,
  warn: (warning: Diagnostic) => void = () => undefined,
): Recipe => {
  const { recipe, diagnostics, sources } = check(purpose, text, fileHost(base), {});
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  const [wrong] = errors;
  if (recipe !== null && wrong === undefined) {
    for (const warning of diagnostics) warn(warning);
    return recipe;
  }
  const placed = errors.flatMap((error) => inUsedFile(error, purpose, sources) ?? []);
  if (placed.length > 0) {
    const texts = [...sources].map(([path, source]) => [relative(base, path), source] as const);
    throw new SpecError(
      placed.map((diagnostic) => shown(diagnostic, base)),
      new Map([...sources, ...texts]),
    );
  }
  const hint = wrong?.hint ?? (wrong === undefined ? undefined : foundIn(wrong, sources));
  throw new RunError(
    wrong?.message ?? `this model cannot be used for ${purpose}`,
    hint === undefined ? {} : { hint },
  );
};
