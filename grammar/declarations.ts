/** Top-level lines to declarations: recipes here, libraries in definitions.ts. */
import type {
  BindingDecl,
  Clause,
  Declaration,
  EditionDecl,
  ExpectDecl,
  Expr,
  Name,
  Override,
  ProfileDecl,
  StageDecl,
  StageKeyword,
  Statement,
  UseDecl,
} from "./ast.js";
import { architectureOf, definitionOf, ignoreConfigOf } from "./definitions.js";
import { pretokenizerOf } from "./gguf.js";
import type { Line } from "./lines.js";
import { spanOf } from "./lines.js";
import { nameOf } from "./parser.js";
import { type LineCursor, type Reader, report } from "./reader.js";
import { spanOver } from "./span.js";
import { nearest } from "./suggest.js";
import * as t from "./tokens.js";

const STAGES: readonly StageKeyword[] = [
  "model",
  "data",
  "score",
  "search",
  "prune",
  "distill",
  "evaluate",
  "export",
];
const DEFINITIONS = ["function", "loss", "schedule", "metric", "criterion", "fold"] as const;
/** What a declaration begins with. */
export const DECLARATIONS: readonly string[] = [
  ...STAGES,
  ...DEFINITIONS,
  "edition",
  "use",
  "param",
  "let",
  "expect",
  "profile",
  "architecture",
  "pretokenizer",
  "ignore",
  "private",
];
/** What stands before what a stage takes. */
export const CLAUSES: readonly Clause["word"][] = ["of", "on", "from", "using", "to"];

const edition = (cursor: LineCursor, start: number): EditionDecl => {
  if (!cursor.is(t.NumberToken)) return cursor.fail("a number");
  const version = cursor.expression();
  if (version.kind !== "number") return cursor.fail("a number");
  return { kind: "edition", version, span: cursor.spanFrom(start) };
};

const use = (cursor: LineCursor, start: number): UseDecl => {
  let source: UseDecl["source"];
  if (cursor.is(t.StringToken)) source = cursor.string("a path");
  else {
    const names = [cursor.name("a library name or a path")];
    while (cursor.is(t.Dot)) {
      cursor.take();
      names.push(cursor.name("a name"));
    }
    source = names;
  }
  const alias = cursor.skipWord("as") ? cursor.name("a name") : null;
  return { kind: "use", source, alias, span: cursor.spanFrom(start) };
};

const binding = (cursor: LineCursor, keyword: "param" | "let", start: number): BindingDecl => {
  const name = cursor.name("a name");
  cursor.expect(t.Assign, "`=`");
  const value = cursor.expression();
  return { kind: "binding", keyword, name, value, span: cursor.spanFrom(start) };
};

/** `60% of params(x)` aside, a clause's value is a plain expression. */
const clause = (cursor: LineCursor, word: Clause["word"]): Clause => {
  const token = cursor.take();
  const value = cursor.expression();
  return { word, wordSpan: spanOf(token), value, span: cursor.spanFrom(spanOf(token).start) };
};

const clauses = (cursor: LineCursor): Clause[] => {
  const found: Clause[] = [];
  for (;;) {
    const word = CLAUSES.find((candidate) => cursor.isWord(candidate));
    if (word === undefined) return found;
    found.push(clause(cursor, word));
  }
};

/** One line of a block: heads, then items side by side; `a = b` among them reads as an equality. */
export const statement = (cursor: LineCursor): Statement => {
  const first = cursor.name("a setting");
  const heads: Name[] = [first];
  while (cursor.is(t.Comma)) {
    cursor.take();
    heads.push(cursor.name("a name"));
  }
  const items: Expr[] = [];
  while (!cursor.done) {
    if (cursor.is(t.Assign) && items.length > 0) {
      const operator = cursor.take();
      const left = items.pop() as Expr;
      const right = cursor.expression();
      const span = spanOver(left.span, right.span);
      items.push({ kind: "binary", op: "==", opSpan: spanOf(operator), left, right, span });
    } else items.push(cursor.expression());
  }
  return { kind: "statement", heads, items, span: cursor.spanFrom(first.span.start) };
};

/** Clause words may not begin an expression item, so names before a clause end there. */
const stage = (
  reader: Reader,
  cursor: LineCursor,
  keyword: StageKeyword,
  start: number,
): StageDecl => {
  const names: Name[] = [cursor.name("a name")];
  while (cursor.is(t.Comma)) {
    cursor.take();
    names.push(cursor.name("a name"));
  }
  let value: Expr | null = null;
  if (cursor.is(t.Assign)) {
    cursor.take();
    value = cursor.expression();
  }
  const found = clauses(cursor);
  const block = cursor.blockIfAny();
  cursor.finish();
  return {
    kind: "stage",
    keyword,
    keywordSpan: { start, end: start + keyword.length },
    names,
    value,
    clauses: found,
    body: block === null ? null : reader.lines(block, statement),
    doc: reader.docBefore(start),
    span: cursor.spanFrom(start),
  };
};

const expectation = (reader: Reader, cursor: LineCursor, start: number): ExpectDecl => {
  const block = cursor.block("`expect`");
  const conditions = reader.lines(block, (line) => line.expression());
  return { kind: "expect", conditions, span: cursor.spanFrom(start) };
};

const override = (cursor: LineCursor): Override => {
  const first = cursor.name("a name");
  // `model teacher = …` in a profile means teacher.
  const path = [first];
  if (STAGES.some((word) => word === first.name) && cursor.isName())
    path[0] = cursor.name("a name");
  while (cursor.is(t.Dot)) {
    cursor.take();
    path.push(cursor.name("a name"));
  }
  cursor.expect(t.Assign, "`=`");
  const value = cursor.expression();
  return { path, value, span: cursor.spanFrom(first.span.start) };
};

const profile = (reader: Reader, cursor: LineCursor, start: number): ProfileDecl => {
  const name = cursor.name("a name");
  const block = cursor.block("a profile");
  const overrides = reader.lines(block, override);
  return { kind: "profile", name, overrides, span: cursor.spanFrom(start) };
};

/** The declaration of a top-level line. */
export const declarationOf = (reader: Reader, line: Line): Declaration => {
  const cursor = reader.cursor(line);
  if (!cursor.isName()) return cursor.fail("a declaration");
  const word = nameOf(cursor.take());
  const { start } = word.span;
  const finished = <D extends Declaration>(declaration: D): D => {
    cursor.finish();
    return declaration;
  };
  const stageWord = STAGES.find((keyword) => keyword === word.name);
  if (stageWord !== undefined) return stage(reader, cursor, stageWord, start);
  const definition = DEFINITIONS.find((keyword) => keyword === word.name);
  if (definition !== undefined)
    return finished(definitionOf(reader, cursor, definition, word.span, start));
  switch (word.name) {
    case "edition":
      return finished(edition(cursor, start));
    case "use":
      return finished(use(cursor, start));
    case "param":
    case "let":
      return finished(binding(cursor, word.name, start));
    case "expect":
      return finished(expectation(reader, cursor, start));
    case "profile":
      return finished(profile(reader, cursor, start));
    case "architecture":
      return finished(architectureOf(reader, cursor, start));
    case "private": {
      const keyword = spanOf(cursor.word("function"));
      return finished(definitionOf(reader, cursor, "function", keyword, start));
    }
    case "ignore":
      return finished(ignoreConfigOf(cursor, start));
    case "pretokenizer":
      return finished(pretokenizerOf(reader, cursor, start, statement));
    default: {
      const near = nearest(word.name, DECLARATIONS);
      const fix = near === null ? {} : { fix: { span: word.span, replacement: near } };
      return reader.raise(
        report(
          "unknown-declaration",
          { path: reader.path, span: word.span, ...fix },
          { word: word.name, near },
        ),
      );
    }
  }
};
