/** What went wrong, in one clear line on stderr; never a stack trace unless ESPALIER_DEBUG is set. */
import pc from "picocolors";
import { EXIT, type ExitCode } from "./exit.js";

/** A command was given something it cannot use. */
export class CommandError extends Error {}

const hintOf = (error: Error): string | null =>
  "hint" in error && typeof error.hint === "string" ? error.hint : null;

/** Says what failed and gives the exit code. */
export const failure = (error: unknown): ExitCode => {
  const known = error instanceof Error ? error : new Error(String(error));
  const [line = "unknown failure"] = known.message.split("\n");
  process.stderr.write(`${pc.red("error:")} ${line}\n`);
  const hint = hintOf(known);
  if (hint !== null) process.stderr.write(`${pc.cyan("hint:")} ${hint}\n`);
  if (process.env.ESPALIER_DEBUG !== undefined) process.stderr.write(`${known.stack ?? ""}\n`);
  return known instanceof CommandError ? EXIT.command : EXIT.failed;
};
