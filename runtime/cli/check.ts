/** `espalier check`: everything that is wrong with a spec, in one go. */
import { lineTable } from "../../grammar/span.js";
import { EXIT } from "./exit.js";
import { withFileProblems } from "./file-problems.js";
import {
  type CheckedSpec,
  checkSpec,
  hasErrors,
  type SpecOptions,
  showDiagnostics,
} from "./spec.js";

/** Diagnostics with line and column (from 1), for editors and scripts. */
const diagnosticsJson = ({ result }: CheckedSpec): string => {
  const place = (path: string, offset: number) =>
    lineTable(result.sources.get(path) ?? "").position(offset);
  const rows = result.diagnostics.map((diagnostic) => ({
    ...diagnostic,
    start: place(diagnostic.path, diagnostic.span.start),
    end: place(diagnostic.path, diagnostic.span.end),
  }));
  return `${JSON.stringify({ diagnostics: rows }, null, 2)}\n`;
};

/** Whether all stages fit `--memory`, which takes a plan; else a CommandError says what would. */
const checkFits = async ({ result, base }: CheckedSpec, memory: string): Promise<void> => {
  if (result.recipe === null) return;
  const { checkMemory } = await import("./planned.js");
  await checkMemory(result.recipe, base, memory);
};

export const checkCommand = async (spec: string, options: SpecOptions): Promise<void> => {
  const read = checkSpec(spec, options);
  const checked = { ...read, result: await withFileProblems(read.result, read.base) };
  if (options.json === true) process.stdout.write(diagnosticsJson(checked));
  else showDiagnostics(checked);
  const wrong = hasErrors(checked);
  if (!wrong && options.memory !== undefined) await checkFits(checked, options.memory);
  if (!wrong && options.json !== true) process.stdout.write(`${spec}: no errors\n`);
  process.exitCode = wrong ? EXIT.spec : EXIT.done;
};
