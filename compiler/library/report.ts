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

/** Carries diagnostics up to the door of the elaboration. */
class Mistake extends Error {
  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super(diagnostics[0]?.message);
  }
}

export const mistake = <C extends LibraryCode>(
  code: C,
  file: Pick<SourceFile, "path">,
  span: Span,
  parameters: Parameters<C>,
): never => {
  throw new Mistake([diagnose(code, file, span, parameters)]);
};

/** Gives up on what follows from a mistake that has been said. */
export const unsaid = (): never => {
  throw new Mistake([]);
};

/** Where mistakes are gathered, one is put there and `otherwise` stands for the value; else it goes on up. */
export const recovering = <T>(found: Diagnostic[] | undefined, work: () => T, otherwise: T): T => {
  if (found === undefined) return work();
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    found.push(...error.diagnostics);
    return otherwise;
  }
};

const isStandard = ({ path }: SourceFile): boolean => path.startsWith("stdlib/");

/** Shows a mistake within another file's function at the call, with its place there: the innermost of the standard library. */
const atCall = (diagnostic: Diagnostic, file: SourceFile, within: SourceFile, span: Span) => {
  if (diagnostic.path === file.path) return diagnostic;
  const { caret, labels = [], ...rest } = diagnostic;
  const inner = { path: within.path, text: within.text, span: diagnostic.span };
  const own = isStandard(within) && labels.length > 0 ? [] : [inner];
  const message = caret ?? "found here";
  const places = [...own.map((place) => ({ ...place, message })), ...labels];
  return { ...rest, path: file.path, span, labels: places };
};

/** Evaluates a function of the file `within`, called at `span` of `file`. */
export const calling = <T>(file: SourceFile, within: SourceFile, span: Span, work: () => T): T => {
  if (file.path === within.path) return work();
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    throw new Mistake(error.diagnostics.map((found) => atCall(found, file, within, span)));
  }
};

/** Runs an elaboration; a mistake in it becomes a failed outcome. */
export const outcome = <T>(work: () => T): Outcome<T> => {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    if (error instanceof Mistake) return { ok: false, diagnostics: error.diagnostics };
    throw error;
  }
};
