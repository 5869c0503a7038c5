/** Reads and checks a spec for every command that takes one; diagnostics go to stderr or, with --json, to stdout. */
import { dirname, relative, resolve, sep } from "node:path";
import pc from "picocolors";
import { type CheckResult, check } from "../../compiler/check.js";
import type { Host } from "../../compiler/host.js";
import type { Recipe } from "../../compiler/recipe/recipe.js";
import { render } from "../../grammar/render.js";
import type { SpecRecord } from "../run/spec-record.js";
import { CommandError } from "./failure.js";
import { fileHost } from "./host.js";
import { readSource } from "./source-file.js";

export interface SpecOptions {
  readonly set?: readonly string[];
  readonly profile?: string;
  /** Device memory that a stage may take. */
  readonly memory?: string;
  readonly json?: boolean;
}

export interface CheckedSpec {
  /** Absolute path of the spec. */
  readonly path: string;
  /** The folder its relative paths start from. */
  readonly base: string;
  readonly text: string;
  /** The spec and what it uses, by path. */
  readonly texts: Readonly<Record<string, string>>;
  readonly result: CheckResult;
}

const parseSet = (assignments: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    assignments.map((assignment) => {
      const at = assignment.indexOf("=");
      if (at <= 0) throw new CommandError(`--set takes name=value, not ${assignment}`);
      return [assignment.slice(0, at).trim(), assignment.slice(at + 1).trim()];
    }),
  );

/**
 * The recipe with its sources by their path from the spec's folder, so that plan and lock are the same wherever the
 * command was given. The library's paths and those of config.json files do not depend on that.
 */
const placed = (recipe: Recipe, base: string): Recipe => {
  const configs = recipe.steps.flatMap((step) =>
    step.kind === "open" ? [step.path, `${step.path.replace(/\/+$/, "")}/config.json`] : [],
  );
  const fixed = (path: string): boolean => path.startsWith("stdlib/") || configs.includes(path);
  const place = (path: string): string =>
    fixed(path) ? path : relative(base, resolve(path)).split(sep).join("/");
  const sources = () =>
    Object.fromEntries(Object.entries(recipe.sources()).map(([path, hash]) => [place(path), hash]));
  return { ...recipe, sources };
};

/** The host of the files, which notes the texts that it gives. */
const noting = (host: Host, texts: Record<string, string>): Host => ({
  ...host,
  readText: (path) => {
    const read = host.readText(path);
    if (read.ok) texts[resolve(path)] = read.text;
    return read;
  },
});

const checkWith = (spec: string, text: string, host: Host, options: SpecOptions): CheckedSpec => {
  const path = resolve(spec);
  const base = dirname(path);
  const texts = { [path]: text };
  const result = check(spec, text, noting(host, texts), {
    set: parseSet(options.set ?? []),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
  });
  const recipe = result.recipe === null ? null : placed(result.recipe, base);
  return { path, base, text, texts, result: { ...result, recipe } };
};

export const checkSpec = (spec: string, options: SpecOptions): CheckedSpec => {
  const path = resolve(spec);
  return checkWith(spec, readSource(path), fileHost(dirname(path), path), options);
};

/** Checks a spec again as a run kept it. */
export const checkRecord = ({ path, texts, set, profile }: SpecRecord): CheckedSpec => {
  const host: Host = {
    ...fileHost(dirname(path)),
    readText: (used) => {
      const text = texts[resolve(used)];
      return text === undefined ? { ok: false, reason: "missing" } : { ok: true, text };
    },
  };
  return checkWith(path, texts[path] ?? "", host, {
    set,
    ...(profile === null ? {} : { profile }),
  });
};

/** Shows diagnostics on stderr. */
export const showDiagnostics = ({ result }: CheckedSpec): void => {
  if (result.diagnostics.length === 0) return;
  const text = render(result.diagnostics, result.sources, { color: pc.isColorSupported });
  process.stderr.write(`${text.trimEnd()}\n`);
};

export const hasErrors = ({ result }: CheckedSpec): boolean =>
  result.diagnostics.some((diagnostic) => diagnostic.severity === "error");

/** The recipe, or null after its diagnostics have been shown. */
export const recipeOf = (checked: CheckedSpec): Recipe | null => {
  showDiagnostics(checked);
  return hasErrors(checked) ? null : checked.result.recipe;
};
