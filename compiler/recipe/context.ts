/** What every stage's check shares: the spec, the library, the names, and the recipe as far as it is made. */
import type { Name, SourceFile, StageDecl } from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { Span } from "../../grammar/span.js";
import type { Host } from "../host.js";
import type { Dtypes } from "../library/dtypes.js";
import type { Library, Located, ModelShape } from "../library/library.js";
import type { Step } from "./recipe.js";
import type { Code, Extra, Parameters, Report } from "./report.js";
import type { Kind, Kinds, Scope } from "./scope.js";
import type { Trials } from "./stages/symbolic.js";

export interface Context {
  readonly file: SourceFile;
  readonly host: Host;
  readonly library: Library;
  readonly report: Report;
  readonly scope: Scope;
  /** Grows stage by stage. */
  readonly steps: Step[];
  /** `METRIC(MODEL)` of every evaluation above; null where an evaluation could not be read, so that absence means nothing. */
  readonly measured: Set<string>;
  readonly unread: { evaluations: boolean };
  readonly sources: Map<string, string>;
  readonly trials: Trials;
  /** Models between the rounds of a pruning, which no name of the spec stands for. */
  readonly between: Map<string, ModelShape>;
  /** Of opened models, what their files store weights in. */
  readonly stored: Map<string, Dtypes>;
}

/** Reports about the spec itself. */
export const say = <C extends Code>(
  context: Context,
  code: C,
  span: Span,
  parameters: Parameters<C>,
  extra?: Extra,
): void => context.report.say(code, context.file, span, parameters, extra);

export const find = <K extends Kind>(context: Context, kind: K, name: Name): Kinds[K] | null =>
  context.scope.find(kind, name, context.file);

/**
 * Passes on what the library found. What it found in its own files is shown at `span` of the spec, which asked for it,
 * with the library's place beside it.
 */
export const passOn = (context: Context, found: readonly Diagnostic[], span: Span): void => {
  const here = context.file.path;
  const moved = found.map((diagnostic): Diagnostic => {
    if (diagnostic.path === here) return diagnostic;
    const { caret, fix: _theirs, ...rest } = diagnostic;
    const text = context.sources.get(diagnostic.path) ?? "";
    const place = { path: diagnostic.path, text, span: diagnostic.span };
    const labels = [{ ...place, message: caret ?? "found here" }, ...(rest.labels ?? [])];
    return { ...rest, path: here, span, labels };
  });
  context.report.pass(moved);
};

/** The text a node stands for in the spec. */
export const excerpt = (context: Context, span: Span): string =>
  context.file.text.slice(span.start, span.end);

export const located = <D>(context: Context, decl: D): Located<D> => ({
  file: context.file,
  decl,
});

/** A stage's keyword and name, as diagnostics call it. */
export const stageName = (stage: StageDecl): string => {
  const name =
    stage.keyword === "evaluate" || stage.keyword === "export" ? undefined : stage.names[0];
  return name === undefined ? stage.keyword : `${stage.keyword} ${name.name}`;
};
