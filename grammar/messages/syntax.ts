/** Wording about syntax. */
import { message } from "./registry.js";

export const syntaxMessages = {
  "unexpected-text": message(
    "error",
    (p: { readonly found: string; readonly expected: string }) => ({
      message: `${p.found} stands where ${p.expected} belongs`,
      // As JSON and function calls have it.
      hint: p.found === "`,`" ? "a newline ends a line, not a comma" : undefined,
    }),
  ),
  "unexpected-end": message("error", (p: { readonly expected: string }) => ({
    message: `the line ends where ${p.expected} belongs`,
  })),
  "expected-newline": message("error", (p: { readonly found: string }) => ({
    message: `${p.found} follows on a line that is complete`,
    hint: "begin a new line",
  })),
  "unknown-declaration": message(
    "error",
    (p: { readonly word: string; readonly near: string | null }) => ({
      message: `\`${p.word}\` begins nothing that can stand here`,
      hint: p.near === null ? undefined : `did you mean \`${p.near}\`?`,
    }),
  ),
  "unknown-character": message("error", (p: { readonly character: string }) => ({
    message: "this character has no meaning here",
    hint: p.character === ";" ? "a newline ends a line" : undefined,
  })),
  "unclosed-string": message("error", (_: Record<never, never>) => ({
    message: "this string is not closed on its line",
    hint: 'end it with "',
  })),
  "unclosed-bracket": message("error", (p: { readonly open: string; readonly close: string }) => ({
    message: `this \`${p.open}\` is never closed`,
    hint: `close it with \`${p.close}\``,
  })),
  "stray-bracket": message("error", (p: { readonly close: string }) => ({
    message: `this \`${p.close}\` closes nothing`,
  })),
  "too-deep": message("error", (p: { readonly limit: number }) => ({
    message: `brackets are nested more than ${p.limit} deep`,
  })),
  "too-long": message("error", (p: { readonly limit: number }) => ({
    message: `this expression has more than ${p.limit} operators`,
    hint: "give parts of it a name",
  })),
  "missing-block": message("error", (p: { readonly what: string }) => ({
    message: `${p.what} needs a block`,
    hint: "write its lines between { and }",
  })),
};
