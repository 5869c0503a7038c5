/** The lines that say how GGUF spells an architecture, and those of a pre-tokenizer. */
import type {
  ConfigItem,
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
import type { LineCursor, Reader } from "./reader.js";
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
  const weight = cursor.name("a weight");
  const file = cursor.string("the tensor's name in GGUF");
  const interleave = cursor.skipWord("interleave")
    ? { axis: cursor.name("an axis"), parts: cursor.expression() }
    : null;
  const plus = cursor.skipWord("plus") ? cursor.expression() : null;
  return { kind: "gguf-tensor", weight, file, interleave, plus, span: cursor.spanFrom(start) };
};

const item = (cursor: LineCursor): GgufKeyItem | GgufTensorItem | ConfigItem | RequireItem => {
  const { start } = cursor.place().span;
  if (cursor.skipWord("key")) return keyItem(cursor, start);
  if (cursor.skipWord("tensor")) return tensorItem(cursor, start);
  if (cursor.skipWord("config")) {
    const key = cursor.name("a key of config.json");
    cursor.expect(t.Assign, "`=`");
    return { kind: "config", key, value: cursor.expression(), span: cursor.spanFrom(start) };
  }
  if (cursor.skipWord("require"))
    return { kind: "require", condition: cursor.expression(), span: cursor.spanFrom(start) };
  return cursor.fail("`key`, `tensor`, `config` or `require`");
};

/** `gguf "NAME" { … }` within an architecture. */
export const ggufOf = (reader: Reader, cursor: LineCursor): GgufItem => {
  const { start } = spanOf(cursor.word("gguf"));
  const name = cursor.string("the architecture's name in GGUF");
  const items = reader.lines(cursor.block("`gguf`"), item);
  return { kind: "gguf", name, items, span: cursor.spanFrom(start) };
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
