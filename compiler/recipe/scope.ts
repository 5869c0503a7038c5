/** The names of a recipe: what each is, where it stands, and what the check has made of it so far. */
import type { Expr, Name, SourceFile, StageKeyword } from "../../grammar/ast.js";
import { nearest } from "../../grammar/suggest.js";
import type { ModelShape } from "../library/library.js";
import type { DataSource } from "../plan.js";
import type { ScoreStep } from "./recipe.js";
import { label, type Report } from "./report.js";
import type { Quantity } from "./units.js";

/** A constant's value: a quantity or a text. */
export type Value = Quantity | string;

/** A shape that a search tries. */
export interface Candidate {
  /** From 1, in the order of the search's lines. */
  readonly id: number;
  readonly sizes: Readonly<Record<string, number>>;
  readonly shape: ModelShape;
}
export interface CandidateSet {
  readonly search: string;
  /** How many go on after each ranking. */
  readonly keeps: readonly number[];
  readonly list: readonly Candidate[];
}
export interface ModelEntry {
  /** Of the first candidate, where there are several. */
  readonly shape: ModelShape;
  /** The pruning that its tokens come from; null where they are those of its file. */
  readonly vocabulary: string | null;
  /** The models that a search's name stands for. */
  readonly candidates?: CandidateSet;
}
export interface ScoreEntry {
  readonly model: string;
  /** Axes that have scores; null where some could not be read, so that their absence means nothing. */
  readonly axes: ReadonlySet<string> | null;
  /** Null where anything of it is wrong. */
  readonly step: ScoreStep | null;
}
export interface Kinds {
  readonly model: ModelEntry;
  readonly data: DataSource;
  readonly score: ScoreEntry;
  readonly constant: Value;
}
export type Kind = keyof Kinds;

export interface Declared {
  readonly kind: Kind;
  readonly name: Name;
  readonly file: SourceFile;
  /** Only of constants: what it is bound to. */
  readonly value: Expr | null;
  readonly keyword: "param" | "let" | StageKeyword;
}

const CALLED: Readonly<Record<Kind, string>> = {
  model: "a model",
  data: "data",
  score: "scores",
  constant: "a constant",
};

export interface Scope {
  readonly declared: ReadonlyMap<string, Declared>;
  /** Declares a name; a second one with the same name is reported and the first one stays. */
  declare(entry: Declared): void;
  /** What a name stands for, once its declaration was checked; null says that it is broken (and was reported). */
  define<K extends Kind>(kind: K, name: string, value: Kinds[K] | null): void;
  /** The value without any report; undefined where it is not defined (yet). */
  peek<K extends Kind>(kind: K, name: string): Kinds[K] | null | undefined;
  /** The value of a name of the wanted kind; reports once per name why there is none. */
  find<K extends Kind>(kind: K, name: Name, file: SourceFile): Kinds[K] | null;
  /** Reports a name that is not declared, once. */
  unknown(name: Name, file: SourceFile, what: string, known: readonly string[]): void;
  /** A scope that goes on from this one by itself. */
  fork(report: Report): Scope;
}

export const createScope = (report: Report): Scope =>
  scopeOf(report, new Map(), new Map(), new Set());

const scopeOf = (
  report: Report,
  declared: Map<string, Declared>,
  values: Map<string, unknown>,
  quiet: Set<string>,
): Scope => {
  const unknown: Scope["unknown"] = (name, file, what, known) => {
    if (quiet.has(name.name)) return;
    quiet.add(name.name);
    const near = nearest(name.name, known);
    report.say("unknown-name", file, name.span, { name: name.name, what, near, known });
  };

  const namesOf = (kind: Kind): string[] =>
    [...declared.values()].filter((d) => d.kind === kind).map((d) => d.name.name);

  const find: Scope["find"] = (kind, name, file) => {
    const entry = declared.get(name.name);
    if (entry === undefined) {
      unknown(name, file, CALLED[kind], namesOf(kind));
      return null;
    }
    const labels = [label(entry.file, entry.name.span, "declared here")];
    if (entry.kind !== kind) {
      const parameters = { name: name.name, is: CALLED[entry.kind], wanted: CALLED[kind] };
      report.say("wrong-kind", file, name.span, parameters, { labels });
      return null;
    }
    if (!values.has(name.name)) {
      if (!quiet.has(name.name))
        report.say("used-early", file, name.span, { name: name.name }, { labels });
      quiet.add(name.name);
      return null;
    }
    return values.get(name.name) as Kinds[typeof kind] | null;
  };

  return {
    declared,
    declare: (entry) => {
      const first = declared.get(entry.name.name);
      if (first === undefined) declared.set(entry.name.name, entry);
      else {
        const labels = [label(first.file, first.name.span, "first declared here")];
        report.say(
          "duplicate-name",
          entry.file,
          entry.name.span,
          { name: entry.name.name },
          { labels },
        );
      }
    },
    define: (_kind, name, value) => {
      values.set(name, value);
    },
    peek: (kind, name) =>
      declared.get(name)?.kind === kind
        ? (values.get(name) as Kinds[typeof kind] | null | undefined)
        : undefined,
    find,
    unknown,
    fork: (other) => scopeOf(other, declared, new Map(values), new Set(quiet)),
  };
};
