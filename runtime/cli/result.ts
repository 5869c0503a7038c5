/** What a run came to: models before and after, the verdicts, where the model is; and the exit code. */
import pc from "picocolors";
import type { RunOutcome } from "../run/run.js";
import { EXIT } from "./exit.js";
import { duration } from "./pace.js";
import { shownPath, typedPath } from "./paths.js";
import { table } from "./table.js";

const number = (value: number): string =>
  Number.isInteger(value) || Math.abs(value) >= 1000
    ? Math.round(value).toLocaleString("en")
    : value.toPrecision(5);

const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)}%`;

/** One row per model: parameters, what that is of the first one's, every metric, and how fast it reads. */
export const modelRows = (outcome: RunOutcome): string[][] => {
  const metrics = [...new Set(outcome.measures.map((measure) => measure.metric))];
  const [first, second] = outcome.models;
  const compared = first !== undefined && second !== undefined;
  const timed = outcome.speeds.length > 0;
  const header = [
    "model",
    "parameters",
    ...(compared ? [`of ${first.name}`] : []),
    ...metrics,
    ...(timed ? ["tokens/s"] : []),
  ];
  const rows = outcome.models.map(({ name, parameters }) => {
    const speed = outcome.speeds.find(({ model }) => model === name);
    const values = metrics.map((metric) => {
      const found = outcome.measures.find((m) => m.model === name && m.metric === metric);
      return found === undefined ? "" : number(found.value);
    });
    return [
      name,
      number(parameters),
      ...(compared ? [percent(parameters / first.parameters)] : []),
      ...values,
      ...(timed ? [speed === undefined ? "" : number(speed.tokensPerSecond)] : []),
    ];
  });
  return [header, ...rows];
};

/** Seconds by stage; those of one name together, and those of all candidates of a search. */
const secondsByStage = ({ stages }: RunOutcome): ReadonlyMap<string, number> => {
  const sums = new Map<string, number>();
  for (const { stage, seconds } of stages) {
    const name = stage.replace(/\.\d+$/, "");
    sums.set(name, (sums.get(name) ?? 0) + seconds);
  }
  return sums;
};

/** The whole time, and where most of it went. */
const timeText = (outcome: RunOutcome): string => {
  const { seconds, adapter } = outcome;
  const long = [...secondsByStage(outcome)]
    .filter(([, took]) => took >= 1)
    .map(([stage, took]) => `${stage} ${duration(took)}`);
  const parts = long.length === 0 ? "" : ` (${long.join(", ")})`;
  return `time: ${duration(seconds)}${parts} on ${adapter}`;
};

const amount = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** The most memory there was at once. */
const memoryText = ({ memory }: RunOutcome): readonly string[] =>
  memory === null
    ? []
    : [`memory: ${amount(memory.device)} on the device, ${amount(memory.process)} in the process`];

/** What people read at the end. */
export const resultText = (outcome: RunOutcome): string => {
  const verdicts = outcome.verdicts.map(
    ({ holds, text: condition, left, right }) =>
      `${holds ? pc.green("✓") : pc.red("✗")} ${condition}   (${number(left)}, ${number(right)})`,
  );
  const exports = outcome.exports.map((folder) => `model: ${shownPath(folder)}`);
  const gap = verdicts.length === 0 ? [] : [""];
  return `${["", ...table(modelRows(outcome)), ...gap, ...verdicts, "", ...exports, timeText(outcome), ...memoryText(outcome)].join("\n")}\n`;
};

export const finishCommand = (outcome: RunOutcome, json: boolean): void => {
  if (outcome.interrupted) {
    process.stderr.write(`interrupted; go on with: espalier resume ${typedPath(outcome.out)}\n`);
    process.exitCode = EXIT.interrupted;
    return;
  }
  process.stdout.write(json ? `${JSON.stringify(outcome, null, 2)}\n` : resultText(outcome));
  process.exitCode = outcome.verdicts.every((verdict) => verdict.holds)
    ? EXIT.done
    : EXIT.expectation;
};
