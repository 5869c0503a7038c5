/** The door of the grammar: text to a tree and diagnostics, whatever the text. Never throws. */
import type { Comment, Declaration, SourceFile } from "./ast.js";
import { declarationOf } from "./declarations.js";
import type { Diagnostic } from "./diagnostic.js";
import { endOf, spanOf, toLines } from "./lines.js";
import { reporter } from "./messages/registry.js";
import { syntaxMessages } from "./messages/syntax.js";
import { Reader } from "./reader.js";
import { lexer, OpenString, SlashDash } from "./tokens.js";

export interface Parsed {
  readonly file: SourceFile;
  readonly diagnostics: readonly Diagnostic[];
}

const report = reporter(syntaxMessages);

/** Parses a recipe or a library; `path` is shown in diagnostics. */
export const parse = (path: string, text: string): Parsed => {
  const lexed = lexer.tokenize(text);
  const diagnostics: Diagnostic[] = lexed.errors.map((error) =>
    report(
      "unknown-character",
      { path, span: { start: error.offset, end: error.offset + 1 } },
      { character: text.charAt(error.offset) },
    ),
  );
  for (const token of lexed.tokens)
    if (token.tokenType === OpenString)
      diagnostics.push(report("unclosed-string", { path, span: spanOf(token) }, {}));
  const { lines, diagnostics: brackets } = toLines(path, text, lexed.tokens);
  diagnostics.push(...brackets);
  const comments: Comment[] = (lexed.groups.comments ?? []).map((token) => ({
    text: token.image,
    span: spanOf(token),
  }));
  const reader = new Reader(path, text, comments, diagnostics);
  const declarations: Declaration[] = [];
  const disabled: Comment[] = [];
  for (const line of lines) {
    if (line.tokens[0]?.tokenType === SlashDash) {
      const [first] = line.tokens;
      const last = line.tokens[line.tokens.length - 1] ?? first;
      const span = { start: first.startOffset, end: endOf(last) };
      disabled.push({ text: text.slice(span.start, span.end), span });
      continue;
    }
    const declaration = reader.attempt(() => declarationOf(reader, line));
    if (declaration !== null) declarations.push(declaration);
  }
  const all = [...comments, ...disabled].sort((a, b) => a.span.start - b.span.start);
  const file: SourceFile = {
    kind: "file",
    path,
    text,
    declarations,
    comments: all,
    span: { start: 0, end: text.length },
  };
  return { file, diagnostics: dedupe(diagnostics) };
};

/** At most one diagnostic per place, in order of place. */
const dedupe = (diagnostics: readonly Diagnostic[]): Diagnostic[] => {
  const sorted = [...diagnostics].sort((a, b) => a.span.start - b.span.start);
  return sorted.filter((diagnostic, i) => diagnostic.span.start !== sorted[i - 1]?.span.start);
};
