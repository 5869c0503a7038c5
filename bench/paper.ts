/**
 * The paper's tables, small: runs every spec of examples/paper and prints what its models measure, as docs/results.md
 * shows it. A spec that was run goes on from its journal, so that an interrupted evening is not lost.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXAMPLES } from "./places.js";
import { markdownTable } from "./table.js";

interface Measured {
  readonly model: string;
  readonly metric: string;
  readonly value: number;
}

/** Of what `espalier run --json` prints, what the tables show. */
interface Outcome {
  readonly adapter: string;
  readonly models: readonly { readonly name: string; readonly parameters: number }[];
  readonly measures: readonly Measured[];
}

export interface PaperOptions {
  readonly adapter: string;
  readonly out: string;
  readonly seeds: string;
  readonly amount: string;
  readonly only?: string;
}

const FOLDER = join(EXAMPLES, "paper");

const runSpec = (spec: string, seed: string, { adapter, out, amount }: PaperOptions): Outcome => {
  const folder = join(out, `${spec.replace(/\.prune$/, "")}-${seed}`);
  mkdirSync(out, { recursive: true });
  const result = `${folder}.json`;
  if (existsSync(result)) return JSON.parse(readFileSync(result, "utf8")) as Outcome;
  const settings = ["--set", `seed=${seed}`, "--set", `amount=${amount}`];
  const args = existsSync(folder)
    ? ["resume", folder]
    : ["run", join(FOLDER, spec), "--out", folder, ...settings];
  const command = ["dist/espalier.js", ...args, "--adapter", adapter, "--json"];
  const text = execFileSync(process.execPath, command, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 26,
  });
  writeFileSync(result, text);
  return JSON.parse(text) as Outcome;
};

const perplexity = ({ measures }: Outcome, model: string): number =>
  measures.find((measure) => measure.model === model && measure.metric === "perplexity")?.value ??
  Number.NaN;

/** The first line of a spec says what its table shows. */
const titleOf = (spec: string): string =>
  (readFileSync(join(FOLDER, spec), "utf8").split("\n")[0] ?? "").replace(/^\/\/\s*/, "");

const tableOf = (spec: string, seeds: readonly string[], outcomes: readonly Outcome[]): string => {
  const [first] = outcomes;
  const models = [...new Set((first?.measures ?? []).map(({ model }) => model))];
  const rows = models.map((model) => {
    const parameters = first?.models.find(({ name }) => name === model)?.parameters ?? 0;
    const values = outcomes.map((outcome) => perplexity(outcome, model).toFixed(2));
    return [model, parameters.toLocaleString("en"), ...values];
  });
  const head = ["model", "parameters", ...seeds.map((seed) => `perplexity, seed ${seed}`)];
  return `## ${spec}\n\n${titleOf(spec)}\n\n${markdownTable(head, rows)}\n`;
};

export const paperCommand = (options: PaperOptions): void => {
  const seeds = options.seeds.split(",");
  const specs = readdirSync(FOLDER).filter((name) => name.endsWith(".prune"));
  const wanted = specs.filter((name) => options.only === undefined || name.includes(options.only));
  for (const spec of wanted) {
    const outcomes = seeds.map((seed) => runSpec(spec, seed, options));
    process.stdout.write(`${tableOf(spec, seeds, outcomes)}\n${outcomes[0]?.adapter ?? ""}\n\n`);
  }
};
