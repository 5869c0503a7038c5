/** Mistakes of a library, thrown where they are found and turned into an Outcome at its doors. */
import type { SourceFile } from "../../grammar/ast.js";
import type { Diagnostic, Label } from "../../grammar/diagnostic.js";
import { libraryMessages } from "../../grammar/messages/library.js";
import { type Message, reporter } from "../../grammar/messages/registry.js";
import type { Span } from "../../grammar/span.js";
import type { Outcome } from "./library.js";

type Registry = typeof libraryMessages;
export type LibraryCode = keyof Registry;
type Parameters<C extends LibraryCode> = Registry[C] extends Message<infer P> ? P : never;

const say = reporter(libraryMessages);

export const diagnose = <C extends LibraryCode>(
  code: C,
  file: Pick<SourceFile, "path">,
  span: Span,
  parameters: Parameters<C>,
  labels: readonly Label[] = [],
): Diagnostic =>
  say(code, { path: file.path, span, ...(labels.length === 0 ? {} : { labels }) }, parameters);

/** Carries a diagnostic up to the door of the elaboration. */
class Mistake extends Error {
  constructor(readonly diagnostic: Diagnostic) {
    super(diagnostic.message);
  }
}

export const mistake = <C extends LibraryCode>(
  code: C,
  file: Pick<SourceFile, "path">,
  span: Span,
  parameters: Parameters<C>,
): never => {
  throw new Mistake(diagnose(code, file, span, parameters));
};

/** Runs an elaboration; a mistake in it becomes a failed outcome. */
export const outcome = <T>(work: () => T): Outcome<T> => {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    if (error instanceof Mistake) return { ok: false, diagnostics: [error.diagnostic] };
    throw error;
  }
};
