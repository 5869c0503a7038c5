/** Diagnostics as text: code and message, the place, the line with a caret run under it, labels, hint. */
import type { Diagnostic, Severity } from "./diagnostic.js";
import { type LineTable, lineTable, type Span } from "./span.js";

export interface RenderOptions {
  /** Colours for terminals; off by default. */
  readonly color?: boolean;
}

/** Longer lines are shown as a window around the caret. */
const WIDEST = 120;

const COLORS: Readonly<Record<Severity, string>> = { error: "31", warning: "33", note: "36" };

const paint = (color: boolean, code: string, text: string): string =>
  color ? `\u001b[${code}m${text}\u001b[0m` : text;

/** Terminal cells of a text: wide characters take two, combining marks none. */
const cells = (text: string): number => {
  let count = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (/\p{M}/u.test(character)) continue;
    const wide =
      (code >= 0x1100 && code <= 0x115f) ||
      (code >= 0x2e80 && code <= 0xa4cf) ||
      (code >= 0xac00 && code <= 0xd7a3) ||
      (code >= 0xf900 && code <= 0xfaff) ||
      (code >= 0xfe30 && code <= 0xfe6f) ||
      (code >= 0xff00 && code <= 0xff60) ||
      (code >= 0x1f300 && code <= 0x1faff);
    count += wide ? 2 : 1;
  }
  return count;
};

const flat = (text: string): string => text.replaceAll("\t", " ");

interface Excerpt {
  readonly line: number;
  readonly column: number;
  readonly text: string;
  readonly before: string;
  readonly marked: string;
}

const excerpt = (table: LineTable, span: Span): Excerpt => {
  const { line, column } = table.position(span.start);
  const whole = table.line(line);
  const from = column - 1;
  const to = Math.max(from + 1, Math.min(whole.length, from + (span.end - span.start)));
  const start = whole.length > WIDEST ? Math.max(0, from - Math.floor(WIDEST / 3)) : 0;
  const shown = whole.slice(start, start + WIDEST);
  const lead = start > 0 ? "…" : "";
  const tail = start + WIDEST < whole.length ? "…" : "";
  return {
    line,
    column,
    text: flat(`${lead}${shown}${tail}`),
    before: flat(lead + whole.slice(start, from)),
    marked: whole.slice(from, Math.min(to, start + WIDEST)),
  };
};

const block = (
  path: string,
  table: LineTable,
  span: Span,
  mark: string,
  note: string,
  head: string,
): string[] => {
  const { line, column, text, before, marked } = excerpt(table, span);
  const gutter = String(line);
  const indent = " ".repeat(gutter.length);
  const caret = mark.repeat(Math.max(1, cells(marked)));
  const under = `${" ".repeat(cells(before))}${caret}${note === "" ? "" : ` ${note}`}`;
  return [
    `${indent} ${head} ${path}:${line}:${column}`,
    `${gutter} │ ${text}`,
    `${indent} │ ${under}`,
  ];
};

const one = (
  diagnostic: Diagnostic,
  tables: (path: string, text?: string) => LineTable,
  color: boolean,
): string => {
  const { severity, code, message, path, span } = diagnostic;
  const shade = (text: string): string => paint(color, COLORS[severity], text);
  const lines = [`${shade(`${severity}[${code}]`)}: ${message}`];
  lines.push(...block(path, tables(path), span, "^", diagnostic.caret ?? "", "┌─"));
  for (const label of diagnostic.labels ?? [])
    lines.push(
      ...block(label.path, tables(label.path, label.text), label.span, "-", label.message, "├─"),
    );
  if (diagnostic.hint !== undefined)
    lines.push(`  ${paint(color, "36", "hint")}: ${diagnostic.hint}`);
  return lines.join("\n");
};

/** All diagnostics, by file and position; `sources` gives the text of each path. */
export const render = (
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
  options: RenderOptions = {},
): string => {
  const known = new Map<string, LineTable>();
  const tables = (path: string, text?: string): LineTable => {
    const table = known.get(path) ?? lineTable(text ?? sources.get(path) ?? "");
    known.set(path, table);
    return table;
  };
  const order = [...sources.keys()];
  const rank = (diagnostic: Diagnostic): number => order.indexOf(diagnostic.path);
  return [...diagnostics]
    .sort((a, b) => rank(a) - rank(b) || a.span.start - b.span.start)
    .map((diagnostic) => `${one(diagnostic, tables, options.color === true)}\n`)
    .join("\n");
};
