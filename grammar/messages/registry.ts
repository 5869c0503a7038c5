/**
 * The registry of diagnostics: every code with its severity and wording, typed by its parameters.
 * Wording is written in `messages/*.ts` and nowhere else. House style: lower case first letter, one sentence,
 * no full stop, say what is, do not quote what the caret shows, at most one hint, which can be done.
 */
import type { Diagnostic, Fix, Label, Severity } from "../diagnostic.js";
import type { Span } from "../span.js";

export interface Wording {
  readonly message: string;
  readonly caret?: string | undefined;
  readonly hint?: string | undefined;
}

export interface Message<P> {
  readonly severity: Severity;
  readonly word: (parameters: P) => Wording;
}

/** Declares one message: `message("error", (p: { name: string }) => ({ message: … }))`. */
export const message = <P>(severity: Severity, word: (parameters: P) => Wording): Message<P> => ({
  severity,
  word,
});

export interface Place {
  readonly path: string;
  readonly span: Span;
  readonly labels?: readonly Label[];
  readonly fix?: Fix;
}

/** Makes a reporter over a set of messages, so that an unknown code or a missing parameter does not compile. */
export const reporter =
  // biome-ignore lint/suspicious/noExplicitAny: a registry is heterogeneous in its parameters
    <R extends Readonly<Record<string, Message<any>>>>(registry: R) =>
    <C extends keyof R & string>(
      code: C,
      place: Place,
      parameters: R[C] extends Message<infer P> ? P : never,
    ): Diagnostic => {
      const entry = registry[code] as Message<typeof parameters>;
      const wording = entry.word(parameters);
      return {
        code,
        severity: entry.severity,
        path: place.path,
        span: place.span,
        message: wording.message,
        ...(wording.caret === undefined ? {} : { caret: wording.caret }),
        ...(wording.hint === undefined ? {} : { hint: wording.hint }),
        ...(place.labels === undefined ? {} : { labels: place.labels }),
        ...(place.fix === undefined ? {} : { fix: place.fix }),
      };
    };
