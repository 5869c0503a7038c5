/** The words of the language that mean something at the start of a line; everywhere else they are names like any other. */
import type { Clause, DefinitionDecl, StageKeyword } from "./ast.js";

export const STAGES: readonly StageKeyword[] = [
  "model",
  "data",
  "score",
  "search",
  "prune",
  "distill",
  "evaluate",
  "export",
];

export const DEFINITIONS: readonly DefinitionDecl["keyword"][] = [
  "function",
  "loss",
  "schedule",
  "metric",
  "criterion",
];

export const CLAUSES: readonly Clause["word"][] = ["of", "on", "from", "using", "to"];

/** What begins a declaration. */
export const DECLARATIONS: readonly string[] = [
  ...STAGES,
  ...DEFINITIONS,
  ...["edition", "use", "param", "let", "expect", "profile", "architecture"],
];

/** What begins a line of an architecture. */
export const ITEMS: readonly string[] = ["axis", "config", "require", "weight", "each", "forward"];

/** Units that may follow a number on its line. */
export const UNITS: readonly string[] = [
  ...["params", "tokens", "windows", "samples", "steps", "documents"],
  ...["bytes", "B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"],
  ...["s", "min", "h", "seconds", "minutes", "hours"],
];
