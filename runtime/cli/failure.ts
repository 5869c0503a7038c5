/** What went wrong, in one clear line on stderr; never a stack trace unless ESPALIER_DEBUG is set. */
import pc from "picocolors";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { render } from "../../grammar/render.js";
import { RunError, systemReason } from "../errors.js";
import { EXIT, type ExitCode } from "./exit.js";

/** A command was given something it cannot use. */
export class CommandError extends Error {
  readonly hint?: string;

  /** `hint` says what to do about it. */
  constructor(message: string, { hint }: { readonly hint?: string } = {}) {
    super(message);
    if (hint !== undefined) this.hint = hint;
  }
}

/** What is wrong with a .prune file that a command was given besides a spec. */
export class SpecError extends Error {
  constructor(
    readonly diagnostics: readonly Diagnostic[],
    readonly sources: ReadonlyMap<string, string>,
  ) {
    super(diagnostics[0]?.message);
  }
}

const hintOf = (error: Error): string | null =>
  "hint" in error && typeof error.hint === "string" ? error.hint : null;

/** One line for people; a failure of the file system that nothing closer put into words is put into words here. */
const lineOf = (error: Error): string => {
  const [line = "unknown failure"] = error.message.split("\n");
  const reason = error instanceof RunError ? null : systemReason(error);
  if (reason === null) return line;
  return "path" in error ? `${String(error.path)}: ${reason}` : reason;
};

/** Says what failed and gives the exit code. */
export const failure = (error: unknown): ExitCode => {
  if (error instanceof SpecError) {
    const text = render(error.diagnostics, error.sources, { color: pc.isColorSupported });
    process.stderr.write(`${text.trimEnd()}\n`);
    return EXIT.spec;
  }
  const known = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(`${pc.red("error:")} ${lineOf(known)}\n`);
  const hint = hintOf(known);
  if (hint !== null) process.stderr.write(`${pc.cyan("hint:")} ${hint}\n`);
  if (process.env.ESPALIER_DEBUG !== undefined) process.stderr.write(`${known.stack ?? ""}\n`);
  return known instanceof CommandError ? EXIT.command : EXIT.failed;
};
