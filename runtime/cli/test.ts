/** `espalier test`: tries the laws of cutting on small random models of a spec's architectures, or of a file's definitions. */
import pc from "picocolors";
import { nearest } from "../../grammar/suggest.js";
import { LAWS } from "../../laws/all.js";
import type { Law } from "../../laws/law.js";
import { subjectsIn } from "../../laws/of-library.js";
import { type SmallSubject, subjectsOf } from "../../laws/of-recipe.js";
import { type Counterexample, tryLaw, type Verdict } from "../../laws/try-law.js";
import { EXIT } from "./exit.js";
import { CommandError } from "./failure.js";
import { wholeOption } from "./number-option.js";
import { reporterFor } from "./progress.js";
import { type CheckedSpec, checkSpec, recipeOf, type SpecOptions } from "./spec.js";

export interface TestOptions extends SpecOptions {
  readonly law?: readonly string[];
  readonly model?: string;
  readonly runs: string;
  readonly seed: string;
  readonly path?: string;
}

const lawsNamed = (names: readonly string[] | undefined): readonly Law[] => {
  const known = LAWS.map(({ name }) => name);
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown === undefined) return LAWS.filter(({ name }) => names?.includes(name) ?? true);
  const near = nearest(unknown, known);
  throw new CommandError(`there is no law ${unknown}`, {
    hint: near === null ? `the laws are ${known.join(", ")}` : `--law ${near}`,
  });
};

/** Models of a recipe; of a file of definitions, the architectures that they are tried on. */
const subjectsFor = (checked: CheckedSpec, spec: string): readonly SmallSubject[] => {
  const recipe = recipeOf(checked);
  if (recipe === null) return [];
  const { file, library } = recipe;
  const subjects = file.declarations.some(({ kind }) => kind === "stage")
    ? subjectsOf(recipe)
    : subjectsIn(library, file);
  if (subjects.length > 0) return subjects;
  throw new CommandError(`${spec} opens no model and defines nothing that laws speak of`, {
    hint: "give a spec, or a file with an architecture, a criterion or a loss",
  });
};

const chosen = (
  subjects: readonly SmallSubject[],
  model: string | undefined,
): readonly SmallSubject[] => {
  const found = subjects.filter(({ name }) => model === undefined || name === model);
  if (found.length > 0) return found;
  throw new CommandError(`there is no model ${model} to try laws on`, {
    hint: `there is ${subjects.map(({ name }) => name).join(", ")}`,
  });
};

interface Tried {
  readonly subject: SmallSubject;
  readonly law: Law;
  readonly verdict: Verdict;
}

const sizesText = ({ sizes }: Counterexample): string =>
  Object.entries(sizes)
    .map(([axis, size]) => `${axis} ${size}`)
    .join(", ");

/** As a counterexample has it: numbers between colons. */
const pathOf = (path: string | undefined): { readonly path?: string } => {
  if (path === undefined) return {};
  if (/^\d+(:\d+)*$/.test(path)) return { path };
  throw new CommandError(`--path takes what a broken law says, like 3:0:1, not ${path}`);
};

/** As a shell takes it for one word. */
const quoted = (word: string): string =>
  /^[\w./:=%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** The command that finds a counterexample again. */
const againText = (
  spec: string,
  { set = [], profile }: TestOptions,
  { law, subject }: Tried,
  { seed, path }: Counterexample,
): string =>
  [
    ...["espalier", "test", spec, "--law", law.name, "--model", subject.name],
    ...["--seed", String(seed), "--path", path],
    ...set.flatMap((assignment) => ["--set", assignment]),
    ...(profile === undefined ? [] : ["--profile", profile]),
  ]
    .map(quoted)
    .join(" ");

const MARKS: Readonly<Record<Verdict["kind"], string>> = {
  holds: pc.green("✓"),
  silent: pc.dim("-"),
  broken: pc.red("✗"),
};

const outcomeText = (verdict: Verdict): string => {
  switch (verdict.kind) {
    case "holds":
      return `${verdict.runs} cases`;
    case "silent":
      return `skipped: ${verdict.why}`;
    case "broken":
      return pc.red("broken");
    default:
      return verdict satisfies never;
  }
};

const lines = (spec: string, options: TestOptions, tried: Tried): readonly string[] => {
  const { law, verdict } = tried;
  const line = `${MARKS[verdict.kind]} ${pc.bold(law.name)}: ${law.says} (${outcomeText(verdict)})`;
  if (verdict.kind !== "broken") return [line];
  const { by } = verdict;
  const { seed, windows, positions, batch } = by.draw;
  return [
    line,
    `    ${by.reason}`,
    `    the smallest such model: ${sizesText(by)}`,
    `    ${windows} windows of ${positions} tokens, batches of ${batch}; weights of seed ${seed}`,
    `    again: ${againText(spec, options, tried, by)}`,
  ];
};

const reportText = (spec: string, options: TestOptions, all: readonly Tried[]): string => {
  const subjects = [...new Set(all.map(({ subject }) => subject))];
  const parts = subjects.flatMap((subject) => [
    `small models of ${subject.name}:`,
    ...all.filter((one) => one.subject === subject).flatMap((one) => lines(spec, options, one)),
    "",
  ]);
  return `${parts.join("\n").trimEnd()}\n`;
};

const resultJson = (spec: string, options: TestOptions, tried: Tried) => {
  const { law, subject, verdict } = tried;
  const { kind, ...rest } = verdict;
  const again = verdict.kind === "broken" ? againText(spec, options, tried, verdict.by) : undefined;
  return { model: subject.name, law: law.name, says: law.says, outcome: kind, ...rest, again };
};

const reportJson = (spec: string, options: TestOptions, all: readonly Tried[]): string => {
  const results = all.map((tried) => resultJson(spec, options, tried));
  return `${JSON.stringify({ spec, seed: Number(options.seed), results }, null, 2)}\n`;
};

/** Tries each law on each model, saying how far it is. */
const tryAll = async (
  subjects: readonly SmallSubject[],
  laws: readonly Law[],
  options: TestOptions,
): Promise<readonly Tried[]> => {
  const total = wholeOption(options.runs, "--runs");
  const seed = wholeOption(options.seed, "--seed", -(2 ** 31));
  const path = pathOf(options.path);
  const reporter = reporterFor(process.stderr.isTTY === true);
  const tried: Tried[] = [];
  for (const subject of subjects)
    for (const law of laws) {
      reporter.begin(law.name, `on small models of ${subject.name}`);
      const verdict = await tryLaw(law, subject, {
        runs: total,
        seed,
        ...path,
        onCase: (done) => reporter.progress({ done: Math.min(done, total), total, tokens: 0 }),
      });
      reporter.end(outcomeText(verdict));
      tried.push({ subject, law, verdict });
    }
  return tried;
};

export const testCommand = async (spec: string, options: TestOptions): Promise<void> => {
  const laws = lawsNamed(options.law);
  const checked = checkSpec(spec, options);
  const found = subjectsFor(checked, spec);
  if (found.length === 0) {
    process.exitCode = EXIT.spec;
    return;
  }
  const subjects = chosen(found, options.model);
  if (options.path !== undefined && laws.length * subjects.length > 1)
    throw new CommandError("--path is of one law and one model", {
      hint: "give the --law and the --model that it was said of",
    });
  const tried = await tryAll(subjects, laws, options);
  process.stdout.write(
    options.json === true ? reportJson(spec, options, tried) : reportText(spec, options, tried),
  );
  process.exitCode = tried.some(({ verdict }) => verdict.kind === "broken")
    ? EXIT.expectation
    : EXIT.done;
};
