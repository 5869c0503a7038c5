/** The clauses of a stage (`of`, `on`, `from`, `using`, `to`): which it needs, which it may have, each once. */
import type { Clause, Expr, Name, StageDecl, StageKeyword } from "../../grammar/ast.js";
import { type Context, say, stageName } from "./context.js";

type Word = Clause["word"];

const CLAUSES: Readonly<Record<StageKeyword, Readonly<Partial<Record<Word, string>>>>> = {
  model: {},
  data: {},
  score: { of: "a model", on: "data" },
  search: { of: "a model", using: "scores" },
  prune: { from: "a model", using: "scores" },
  distill: { from: "a model", on: "data" },
  evaluate: { on: "data" },
  export: { to: "a path in quotes" },
};

/** Without a teacher a model is trained on its data alone; a spec may name all that stays. */
const OPTIONAL: Readonly<Partial<Record<StageKeyword, Word>>> = { distill: "from", prune: "using" };

export type Clauses = ReadonlyMap<Word, Expr>;

/** Says that a stage lacks a clause. */
export const sayMissing = (context: Context, stage: StageDecl, word: Word): void => {
  const place = stage.names[0]?.span ?? stage.keywordSpan;
  const what = CLAUSES[stage.keyword][word] ?? "";
  say(context, "missing-clause", place, { stage: stageName(stage), word, what });
};

export const readClauses = (context: Context, stage: StageDecl): Clauses => {
  const table = CLAUSES[stage.keyword];
  const found = new Map<Word, Expr>();
  const known = Object.keys(table);
  for (const clause of stage.clauses) {
    const { word, wordSpan } = clause;
    if (table[word] === undefined)
      say(context, "unknown-clause", wordSpan, { stage: stage.keyword, word, known });
    else if (found.has(word)) say(context, "duplicate-clause", wordSpan, { word });
    else found.set(word, clause.value);
  }
  for (const word of known as Word[])
    if (!found.has(word) && OPTIONAL[stage.keyword] !== word) sayMissing(context, stage, word);
  return found;
};

/** A clause's value as a name; null where it is absent or no name (which is reported). */
export const nameIn = (context: Context, clauses: Clauses, word: Word): Name | null => {
  const value = clauses.get(word);
  if (value === undefined || value.kind === "name") return value ?? null;
  say(context, "setting-form", value.span, {
    name: word,
    takes: "one name",
    example: `${word} NAME`,
  });
  return null;
};
