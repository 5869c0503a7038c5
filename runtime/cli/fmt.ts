/** `espalier fmt`: formats files in place; files with syntax errors are left as they are. */
import pc from "picocolors";
import { parse } from "../../grammar/parse.js";
import { format } from "../../grammar/print.js";
import { render } from "../../grammar/render.js";
import { writeWhole } from "../run/write-whole.js";
import { EXIT } from "./exit.js";
import { readSource } from "./source-file.js";

type Outcome = "same" | "changed" | "broken";

const formatOne = async (path: string, checkOnly: boolean): Promise<Outcome> => {
  const text = readSource(path);
  const { file, diagnostics } = parse(path, text);
  if (diagnostics.length > 0) {
    const sources = new Map([[path, text]]);
    process.stderr.write(
      `${render(diagnostics, sources, { color: pc.isColorSupported }).trimEnd()}\n`,
    );
    return "broken";
  }
  const formatted = format(file);
  if (formatted === text) return "same";
  if (!checkOnly) await writeWhole(path, formatted);
  process.stdout.write(`${path}: ${checkOnly ? "not formatted" : "formatted"}\n`);
  return "changed";
};

export const fmtCommand = async (
  files: readonly string[],
  options: { readonly check?: boolean },
): Promise<void> => {
  const checkOnly = options.check === true;
  const outcomes: Outcome[] = [];
  for (const file of files) outcomes.push(await formatOne(file, checkOnly));
  const wrong = outcomes.includes("broken") || (checkOnly && outcomes.includes("changed"));
  process.exitCode = wrong ? EXIT.spec : EXIT.done;
};
