/**
 * `espalier eval`: loss and perplexity of one model over text, as a recipe made on the fly. Documents in order of name,
 * each after the model's start token, joined; windows of N + 1 tokens, N apart; a short one at the end is left out.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pc from "picocolors";
import { judgesChoices } from "../../compiler/library/choice-metric.js";
import { loadLibrary } from "../../compiler/library/load.js";
import type { Plan } from "../../compiler/plan.js";
import { type RunOutcome, startRun } from "../run/run.js";
import { scoresBeside } from "../run/score-cache.js";
import { type GivenData, givenData } from "./data-option.js";
import { EXIT } from "./exit.js";
import { CommandError } from "./failure.js";
import { interruptible } from "./interrupt.js";
import { madeRecipe } from "./made-recipe.js";
import { wholeOption } from "./number-option.js";
import { openedModel, openingText, SUBJECT, type UsedFiles, windowOf } from "./opened.js";
import { planOf } from "./planned.js";
import { reporterFor } from "./progress.js";
import { readStdlib } from "./stdlib.js";

export interface EvalOptions {
  readonly data: readonly string[];
  readonly window?: string;
  readonly take?: string;
  readonly use?: UsedFiles;
  readonly adapter?: string;
  readonly memory?: string;
  readonly arithmetic?: string;
  readonly json?: boolean;
}

/** Every metric of texts in the standard library. */
const metricNames = (): string[] => {
  const files = [...readStdlib().values()].map(({ file }) => file);
  const { library } = loadLibrary(files);
  return [...library.definitions.metric]
    .filter(([, metric]) => !judgesChoices(metric))
    .map(([name]) => name);
};

const arithmeticOf = (given = "f32"): string => {
  if (given === "f32" || given === "f16") return given;
  throw new CommandError(`--arithmetic takes f32 or f16, not ${given}`);
};

const recipeText = (
  model: string,
  { kind, pattern }: GivenData,
  window: number,
  options: EvalOptions,
): string => {
  const take =
    options.take === undefined ? "" : `\n  take ${wholeOption(options.take, "--take")} windows`;
  return [
    openingText(model, options.use),
    `data documents = ${kind}(${JSON.stringify(pattern)}) {`,
    `  window ${window}${take}`,
    "}",
    `evaluate ${SUBJECT} on documents {`,
    `  arithmetic ${arithmeticOf(options.arithmetic)}`,
    ...metricNames().map((name) => `  ${name}`),
    "}",
    "",
  ].join("\n");
};

export interface EvalReport {
  /** As given. */
  readonly model: string;
  readonly data: string | readonly string[];
  /** Predicted tokens of a window. */
  readonly window: number;
  readonly windows: number;
  /** Predicted in all. */
  readonly tokens: number;
  readonly adapter: string;
  readonly seconds: number;
  readonly measures: Readonly<Record<string, number>>;
}

const reportOf = (
  folder: string,
  data: readonly string[],
  window: number,
  plan: Plan,
  outcome: RunOutcome,
): EvalReport => {
  const windows = plan.stages.flatMap((stage) =>
    stage.kind === "evaluate" ? stage.entries.map((entry) => entry.sweep.windows) : [],
  );
  const count = windows[0] ?? 0;
  return {
    model: folder,
    data: data.length === 1 ? (data[0] ?? "") : data,
    window,
    windows: count,
    tokens: count * window,
    adapter: outcome.adapter,
    seconds: Number(outcome.seconds.toFixed(1)),
    measures: Object.fromEntries(outcome.measures.map((m) => [m.metric, m.value])),
  };
};

const reportText = ({ measures, tokens, windows, window, seconds, adapter }: EvalReport): string =>
  [
    ...Object.entries(measures).map(
      ([metric, value]) => `${pc.bold(metric)} ${value.toPrecision(6)}`,
    ),
    `over ${tokens.toLocaleString("en")} tokens: ${windows} windows of ${window}`,
    `time ${seconds} s on ${adapter}`,
    "",
  ].join("\n");

/** `more` are files of the data that came without `--data`, as a shell gives them. */
export const evalCommand = async (
  folder: string,
  more: readonly string[],
  options: EvalOptions,
): Promise<void> => {
  const base = process.cwd();
  const data = givenData(folder, options.data, more);
  const window = windowOf(openedModel("eval", folder, options.use).shape, options.window);
  const recipe = madeRecipe("eval", recipeText(folder, data, window, options), base);
  const plan = await planOf(recipe, base, options.memory);
  const out = await mkdtemp(join(tmpdir(), "espalier-eval-"));
  try {
    const outcome = await interruptible((interrupted) =>
      startRun({
        plan,
        spec: null,
        base,
        out,
        scores: scoresBeside(out),
        adapter: options.adapter ?? "auto",
        force: true,
        reporter: reporterFor(process.stderr.isTTY === true),
        interrupted,
      }),
    );
    if (outcome.interrupted) {
      process.exitCode = EXIT.interrupted;
      return;
    }
    const { measures, ...report } = reportOf(
      folder,
      [...options.data, ...more],
      window,
      plan,
      outcome,
    );
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ ...report, ...measures }, null, 2)}\n`
        : reportText({ ...report, measures }),
    );
  } finally {
    await rm(out, { recursive: true, force: true });
  }
};
