/** What is wrong with a spec as editors take it, and the corrections that can be made by themselves. */
import {
  type CodeAction,
  CodeActionKind,
  DiagnosticSeverity,
  type Diagnostic as Problem,
  type Range,
} from "vscode-languageserver/node";
import type { CheckResult } from "../../../compiler/check.js";
import type { Diagnostic, Severity } from "../../../grammar/diagnostic.js";
import { lineTable, type Span } from "../../../grammar/span.js";

const SEVERITIES: Readonly<Record<Severity, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  note: DiagnosticSeverity.Information,
};

/** Lines and characters from 0, in UTF-16 units as the spans are. */
export const rangeIn = (text: string, span: Span): Range => {
  const table = lineTable(text);
  const at = (offset: number) => {
    const { line, column } = table.position(offset);
    return { line: line - 1, character: column - 1 };
  };
  return { start: at(span.start), end: at(span.end) };
};

const START: Range = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

/** The message with what is said beside the caret and the hint. */
const messageOf = ({ message, caret, hint }: Diagnostic): string =>
  [
    caret === undefined ? message : `${message}: ${caret}`,
    ...(hint === undefined ? [] : [`hint: ${hint}`]),
  ].join("\n");

export interface Problems {
  readonly problems: readonly Problem[];
  readonly actions: readonly CodeAction[];
}

/**
 * Of a check of the file at `path`; `uriOf` gives null for what is no file. What is wrong elsewhere, as in config.json or
 * in a file that is used, is said at the file's beginning, with its place.
 */
export const problemsOf = (
  path: string,
  uri: string,
  { diagnostics, sources }: CheckResult,
  uriOf: (path: string) => string | null,
): Problems => {
  const placeOf = (of: string, span: Span) => {
    const place = uriOf(of);
    return place === null ? [] : [{ uri: place, range: rangeIn(sources.get(of) ?? "", span) }];
  };
  const found = diagnostics.map((diagnostic) => {
    const isHere = diagnostic.path === path;
    const related = [
      ...(isHere ? [] : [{ ...diagnostic, message: "here" }]),
      ...(diagnostic.labels ?? []),
    ].flatMap((label) =>
      placeOf(label.path, label.span).map((location) => ({ location, message: label.message })),
    );
    const text = messageOf(diagnostic);
    const problem: Problem = {
      range: isHere ? rangeIn(sources.get(path) ?? "", diagnostic.span) : START,
      severity: SEVERITIES[diagnostic.severity],
      code: diagnostic.code,
      source: "espalier",
      message: isHere ? text : `${diagnostic.path}: ${text}`,
      relatedInformation: related,
    };
    return { problem, fix: isHere ? diagnostic.fix : undefined };
  });
  const actions = found.flatMap(({ problem, fix }): CodeAction[] => {
    if (fix === undefined) return [];
    const range = rangeIn(sources.get(path) ?? "", fix.span);
    const title = fix.replacement === "" ? "Remove it" : `Write ${fix.replacement}`;
    const edit = { changes: { [uri]: [{ range, newText: fix.replacement }] } };
    return [
      { title, kind: CodeActionKind.QuickFix, diagnostics: [problem], edit, isPreferred: true },
    ];
  });
  return { problems: found.map(({ problem }) => problem), actions };
};
