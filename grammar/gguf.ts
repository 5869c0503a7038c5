/** The lines that say how GGUF spells an architecture, and those of a pre-tokenizer. */
import type {
  GgufEachItem,
  GgufItem,
  GgufKeyItem,
  GgufListItem,
  GgufTensorItem,
  Name,
  PretokenizerDecl,
  Statement,
  StringExpr,
} from "./ast.js";
import { spanOf } from "./lines.js";
import { type LineCursor, nameList, type Reader } from "./reader.js";
import { requireItem } from "./requirement.js";
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

/** `[pair: dim / 2]`: an axis that a list of numbers goes along. */
const lengthOf = (cursor: LineCursor): GgufListItem["axis"] => {
  cursor.expect(t.LeftBracket, "`[`");
  const name = cursor.name("an axis");
  cursor.expect(t.Colon, "`:`");
  const size = cursor.expression();
  cursor.expect(t.RightBracket, "`]`");
  return { name, size };
};

const listItem = (cursor: LineCursor, start: number): GgufListItem => {
  const name = cursor.name("a name");
  const file = cursor.string("the tensor's name in GGUF");
  const axis = lengthOf(cursor);
  cursor.expect(t.Assign, "`=`");
  const value = cursor.expression();
  const condition = cursor.skipWord("when") ? cursor.expression() : null;
  return { kind: "gguf-list", name, file, axis, value, condition, span: cursor.spanFrom(start) };
};

const eachItem = (reader: Reader, cursor: LineCursor, start: number): GgufEachItem => {
  const axis = cursor.name("an axis");
  const items = reader.lines(cursor.block("`each`"), requireItem);
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
  if (cursor.skipWord("list")) return listItem(cursor, start);
  if (cursor.isWord("require")) return requireItem(cursor);
  return cursor.fail("`key`, `tensor`, `list`, `config`, `require` or `each`");
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
