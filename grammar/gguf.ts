/** The lines that say how GGUF spells an architecture, and those of a pre-tokenizer. */
import type {
  GgufEachItem,
  GgufItem,
  GgufKeyItem,
  GgufTensorItem,
  Name,
  PretokenizerDecl,
  RequireItem,
  Statement,
  StringExpr,
} from "./ast.js";
import { spanOf } from "./lines.js";
import { type LineCursor, nameList, type Reader } from "./reader.js";
import * as t from "./tokens.js";

const keyItem = (cursor: LineCursor, start: number): GgufKeyItem => {
  const path: Name[] = [cursor.name("a key of GGUF's metadata")];
  while (cursor.is(t.Dot)) {
    cursor.take();
    path.push(cursor.name("a name"));
  }
  const real = cursor.skipWord("float");
  cursor.expect(t.Assign, "`=`");
  return {
    kind: "gguf-key",
    path,
    real,
    value: cursor.expression(),
    span: cursor.spanFrom(start),
  };
};

const tensorItem = (cursor: LineCursor, start: number): GgufTensorItem => {
  const weights = nameList(cursor, "a weight");
  const file = cursor.string("the tensor's name in GGUF");
  const dims = cursor.is(t.LeftBracket) ? cursor.rule((rules) => rules.storedDimensions()) : null;
  const interleave = cursor.skipWord("interleave")
    ? { axis: cursor.name("an axis"), parts: cursor.expression() }
    : null;
  const times = cursor.skipWord("times") ? cursor.expression() : null;
  const plus = cursor.skipWord("plus") ? cursor.expression() : null;
  const span = cursor.spanFrom(start);
  return { kind: "gguf-tensor", weights, file, dims, interleave, times, plus, span };
};

const requirement = (cursor: LineCursor): RequireItem => {
  const { start } = spanOf(cursor.word("require"));
  return { kind: "require", condition: cursor.expression(), span: cursor.spanFrom(start) };
};

const eachItem = (reader: Reader, cursor: LineCursor, start: number): GgufEachItem => {
  const axis = cursor.name("an axis");
  const items = reader.lines(cursor.block("`each`"), requirement);
  return { kind: "gguf-each", axis, items, span: cursor.spanFrom(start) };
};

const item = (reader: Reader, cursor: LineCursor): GgufItem["items"][number] => {
  const { start } = cursor.place().span;
  if (cursor.skipWord("each")) return eachItem(reader, cursor, start);
  if (cursor.skipWord("key")) return keyItem(cursor, start);
  if (cursor.skipWord("tensor")) return tensorItem(cursor, start);
  if (cursor.skipWord("config")) {
    const key = cursor.name("a key of config.json");
    cursor.expect(t.Assign, "`=`");
    return { kind: "config", key, value: cursor.expression(), span: cursor.spanFrom(start) };
  }
  if (cursor.isWord("require")) return requirement(cursor);
  return cursor.fail("`key`, `tensor`, `config`, `require` or `each`");
};

/** `gguf "NAME" { … }` within an architecture. */
export const ggufOf = (reader: Reader, cursor: LineCursor): GgufItem => {
  const { start } = spanOf(cursor.word("gguf"));
  const name = cursor.string("the architecture's name in GGUF");
  const written = cursor.skipWord("written");
  const items = reader.lines(cursor.block("`gguf`"), (line) => item(reader, line));
  return { kind: "gguf", name, written, items, span: cursor.spanFrom(start) };
};

/** `pretokenizer NAME for "LABEL", … { … }` */
export const pretokenizerOf = (
  reader: Reader,
  cursor: LineCursor,
  start: number,
  statement: (cursor: LineCursor) => Statement,
): PretokenizerDecl => {
  const name = cursor.name("a name");
  cursor.word("for");
  const labels: StringExpr[] = [cursor.string("a name in quotes")];
  while (cursor.is(t.Comma)) {
    cursor.take();
    labels.push(cursor.string("a name in quotes"));
  }
  const steps = reader.lines(cursor.block("a pre-tokenizer"), statement);
  const doc = reader.docBefore(start);
  return { kind: "pretokenizer", name, labels, steps, doc, span: cursor.spanFrom(start) };
};
