/** What a run came to: a table of measures, the verdicts, where the model is; and the exit code. */
import { relative } from "node:path";
import pc from "picocolors";
import type { RunOutcome } from "../run/run.js";
import { EXIT } from "./exit.js";

const number = (value: number): string =>
  Number.isInteger(value) ? value.toLocaleString("en") : value.toPrecision(5);

const shown = (path: string): string => {
  const here = relative(process.cwd(), path);
  return here.startsWith("..") ? path : here;
};

/** One row per model: parameters and every metric. */
const table = (outcome: RunOutcome): string[] => {
  const metrics = [...new Set(outcome.measures.map((measure) => measure.metric))];
  const rows = outcome.models.map((model) => [
    model.name,
    number(model.parameters),
    ...metrics.map((metric) => {
      const found = outcome.measures.find((m) => m.model === model.name && m.metric === metric);
      return found === undefined ? "" : number(found.value);
    }),
  ]);
  const cells = [["model", "parameters", ...metrics], ...rows];
  const widths =
    cells[0]?.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0))) ?? [];
  return cells.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
};

const text = (outcome: RunOutcome): string => {
  const verdicts = outcome.verdicts.map(
    ({ holds, text: condition, left, right }) =>
      `${holds ? pc.green("✓") : pc.red("✗")} ${condition}   (${number(left)}, ${number(right)})`,
  );
  const exports = outcome.exports.map((folder) => `model: ${shown(folder)}`);
  const time = `time: ${outcome.seconds.toFixed(1)} s on ${outcome.adapter}`;
  return `${["", ...table(outcome), "", ...verdicts, ...exports, time].join("\n")}\n`;
};

export const finishCommand = (outcome: RunOutcome, json: boolean): void => {
  if (outcome.interrupted) {
    process.stderr.write(`interrupted; go on with: espalier resume ${shown(outcome.out)}\n`);
    process.exitCode = EXIT.interrupted;
    return;
  }
  process.stdout.write(json ? `${JSON.stringify(outcome, null, 2)}\n` : text(outcome));
  process.exitCode = outcome.verdicts.every((verdict) => verdict.holds)
    ? EXIT.done
    : EXIT.expectation;
};
