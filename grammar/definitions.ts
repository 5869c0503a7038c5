/** The lines of libraries: architectures, functions, criteria, losses, schedules, metrics. */
import type {
  ArchitectureDecl,
  ArchitectureItem,
  AxisItem,
  Body,
  BodyLine,
  ConfigItem,
  DefinitionDecl,
  Expr,
  IgnoreConfig,
  Name,
  Parameter,
  StringExpr,
  TapLine,
  WeightItem,
} from "./ast.js";
import { ggufOf } from "./gguf.js";
import type { BlockToken } from "./lines.js";
import { spanOf } from "./lines.js";
import { type LineCursor, nameList, type Reader } from "./reader.js";
import { requireItem } from "./requirement.js";
import type { Span } from "./span.js";
import * as t from "./tokens.js";

const parameters = (cursor: LineCursor): Parameter[] =>
  cursor.is(t.LeftParen) ? cursor.rule((rules) => rules.parameters()) : [];

const stringList = (cursor: LineCursor, what: string): StringExpr[] => {
  const texts = [cursor.string(what)];
  while (cursor.is(t.Comma)) {
    cursor.take();
    texts.push(cursor.string(what));
  }
  return texts;
};

const expressionList = (cursor: LineCursor): Expr[] => {
  const values = [cursor.expression()];
  while (cursor.is(t.Comma)) {
    cursor.take();
    values.push(cursor.expression());
  }
  return values;
};

// ── bodies ───────────────────────────────────────────────────────────────────────────────────

type ReadLine = BodyLine | { readonly kind: "result"; readonly value: Expr };

/** `into down, down_bias` at the end of a tap. */
const intoOf = (cursor: LineCursor): TapLine["into"] => {
  if (!cursor.skipWord("into")) return null;
  const [weight, bias, more] = nameList(cursor, "a weight");
  if (weight === undefined || more !== undefined) return cursor.fail("a weight, and a bias");
  return { weight, bias: bias ?? null };
};

const bodyLine = (reader: Reader, cursor: LineCursor): ReadLine => {
  const start = cursor.place().span.start;
  const next = cursor.peek(1);
  if (cursor.isWord("tap") && next?.tokenType !== t.Assign && next !== undefined) {
    cursor.take();
    const axis = cursor.name("an axis");
    const name = cursor.isName() ? cursor.name("a name") : null;
    cursor.expect(t.Colon, "`:`");
    const values = expressionList(cursor);
    const into = intoOf(cursor);
    return { kind: "tap", axis, name, values, into, span: cursor.spanFrom(start) };
  }
  if (cursor.isWord("state") && next?.tokenType === t.Identifier) {
    cursor.take();
    const name = cursor.name("a name");
    cursor.expect(t.Colon, "`:`");
    return { kind: "state", name, value: cursor.expression(), span: cursor.spanFrom(start) };
  }
  if (cursor.isWord("each") && next?.tokenType === t.Identifier) {
    cursor.take();
    const axis = cursor.name("an axis");
    const block = cursor.block("`each`");
    const lines = reader.lines(block, (line) => bodyLine(reader, line));
    const kept = lines.filter((line): line is BodyLine => line.kind !== "result");
    return { kind: "each", axis, lines: kept, span: cursor.spanFrom(start) };
  }
  if (cursor.isWord("require") && next !== undefined && next.tokenType !== t.Assign)
    return requireItem(cursor);
  if (next?.tokenType === t.Assign) {
    const name = cursor.name("a name");
    cursor.take();
    const value = cursor.expression();
    return { kind: "assign", name, value, span: cursor.spanFrom(start) };
  }
  return { kind: "result", value: cursor.expression() };
};

const bodyOf = (reader: Reader, block: BlockToken): Body => {
  const read = reader.lines(block, (line) => bodyLine(reader, line));
  const results = read.filter((line) => line.kind === "result");
  const lines = read.filter((line): line is BodyLine => line.kind !== "result");
  return { lines, result: results[results.length - 1]?.value ?? null, span: spanOf(block) };
};

/** `= expression` or a block. */
const bodyAfter = (reader: Reader, cursor: LineCursor): { body: Body; short: boolean } => {
  if (cursor.is(t.Assign)) {
    cursor.take();
    const result = cursor.expression();
    return { body: { lines: [], result, span: result.span }, short: true };
  }
  return { body: bodyOf(reader, cursor.block("a definition")), short: false };
};

// ── definitions ──────────────────────────────────────────────────────────────────────────────

const SUBJECTS = ["tap", "weight", "run", "rest", "gap", "choice", "answer"] as const;

const subjectOf = (cursor: LineCursor): DefinitionDecl["subject"] => {
  if (!cursor.isWord("of")) return null;
  const start = spanOf(cursor.take()).start;
  const of = SUBJECTS.find((word) => cursor.skipWord(word));
  if (of === undefined)
    return cursor.fail("`tap`, `weight`, `run`, `rest`, `gap`, `choice` or `answer`");
  const none = { weight: null, keeps: [] };
  if (of === "choice" || of === "answer")
    return { of, names: [], ...none, span: cursor.spanFrom(start) };
  const names = [cursor.name("a name")];
  let weight: Name | null = null;
  while (weight === null && cursor.is(t.Comma)) {
    cursor.take();
    const isWeight =
      of === "tap" && cursor.isWord("weight") && cursor.peek(1)?.tokenType === t.Identifier;
    if (isWeight) cursor.take();
    const name = cursor.name("a name");
    if (isWeight) weight = name;
    else names.push(name);
  }
  const keeps = cursor.skipWord("keeps") ? nameList(cursor, "an axis") : [];
  return { of, names, weight, keeps, span: cursor.spanFrom(start) };
};

/** `start` is where the declaration begins: before its keyword where it is private. */
export const definitionOf = (
  reader: Reader,
  cursor: LineCursor,
  keyword: DefinitionDecl["keyword"],
  keywordSpan: Span,
  start: number,
): DefinitionDecl => {
  const name = cursor.name("a name");
  const axes: Name[] = [];
  if (cursor.is(t.LeftBracket)) {
    cursor.take();
    axes.push(...nameList(cursor, "an axis"));
    cursor.expect(t.RightBracket, "`]`");
  }
  const params = parameters(cursor);
  const subject = subjectOf(cursor);
  const { body, short } = bodyAfter(reader, cursor);
  return {
    kind: "definition",
    keyword,
    keywordSpan,
    isPrivate: start < keywordSpan.start,
    name,
    axes,
    parameters: params,
    subject,
    body,
    short,
    doc: reader.docBefore(start),
    span: cursor.spanFrom(start),
  };
};

// ── architectures ────────────────────────────────────────────────────────────────────────────

const weightItem = (cursor: LineCursor): WeightItem => {
  const start = spanOf(cursor.word("weight")).start;
  const names = nameList(cursor, "a name");
  const file = cursor.string("the tensor's name in the file");
  const dims = cursor.is(t.LeftBracket)
    ? cursor.rule((rules) => rules.storedDimensions())
    : cursor.fail("a list of axes like `[mlp, hidden]`");
  const first = cursor.skipWord("starts") ? cursor.expression() : null;
  const condition = cursor.skipWord("when") ? cursor.expression() : null;
  const otherwise = cursor.skipWord("else") ? cursor.expression() : null;
  const span = cursor.spanFrom(start);
  return { kind: "weight", names, file, dims, start: first, condition, otherwise, span };
};

const configItem = (cursor: LineCursor): ConfigItem => {
  const start = spanOf(cursor.word("config")).start;
  const key = cursor.name("a key of config.json");
  cursor.expect(t.Assign, "`=`");
  return { kind: "config", key, value: cursor.expression(), span: cursor.spanFrom(start) };
};

const configKey = (cursor: LineCursor): Name | StringExpr =>
  cursor.is(t.StringToken) ? cursor.string("a key") : cursor.name("a key of config.json");

/** `config KEY, …` after `ignore`. */
export const ignoreConfigOf = (cursor: LineCursor, start: number): IgnoreConfig => {
  cursor.word("config");
  const keys = [configKey(cursor)];
  while (cursor.is(t.Comma)) {
    cursor.take();
    keys.push(configKey(cursor));
  }
  return { kind: "ignore-config", keys, span: cursor.spanFrom(start) };
};

/** `adjacent pairs of SHARE`, after `in`. */
const pairsAt = (cursor: LineCursor): NonNullable<AxisItem["pairs"]> => {
  const adjacent = cursor.skipWord("adjacent");
  cursor.word("pairs");
  return { adjacent, share: cursor.skipWord("of") ? cursor.expression() : null };
};

const item = (reader: Reader, cursor: LineCursor): ArchitectureItem => {
  const { start } = cursor.place().span;
  if (cursor.isWord("gguf")) return ggufOf(reader, cursor);
  if (cursor.isWord("weight")) return weightItem(cursor);
  if (cursor.skipWord("axis")) {
    const name = cursor.name("a name");
    cursor.expect(t.Assign, "`=`");
    const value = cursor.expression();
    const pairs = cursor.skipWord("in") ? pairsAt(cursor) : null;
    return {
      kind: "axis",
      name,
      value,
      pairs,
      doc: reader.docBefore(start),
      span: cursor.spanFrom(start),
    };
  }
  if (cursor.isWord("config")) return configItem(cursor);
  if (cursor.isWord("require")) return requireItem(cursor);
  if (cursor.skipWord("advise")) {
    const condition = cursor.expression();
    const reason = cursor.string("why");
    return { kind: "advise", condition, reason, span: cursor.spanFrom(start) };
  }
  if (cursor.skipWord("cut")) {
    const weight = cursor.name("a weight");
    cursor.expect(t.Assign, "`=`");
    return { kind: "cut", weight, value: cursor.expression(), span: cursor.spanFrom(start) };
  }
  if (cursor.skipWord("prefix")) {
    const text = cursor.string("how names of tensors begin");
    return { kind: "prefix", text, span: cursor.spanFrom(start) };
  }
  if (cursor.skipWord("ignore")) {
    if (cursor.isWord("config")) return ignoreConfigOf(cursor, start);
    const names = stringList(cursor, "the name of a tensor");
    return { kind: "ignore", names, span: cursor.spanFrom(start) };
  }
  if (cursor.skipWord("each")) {
    const axis = cursor.name("an axis");
    const items = reader.lines(cursor.block("`each`"), (line) =>
      line.isWord("config") ? configItem(line) : weightItem(line),
    );
    return { kind: "each-item", axis, items, span: cursor.spanFrom(start) };
  }
  if (cursor.skipWord("forward")) {
    const params = parameters(cursor);
    const body = bodyOf(reader, cursor.block("`forward`"));
    return { kind: "forward", parameters: params, body, span: cursor.spanFrom(start) };
  }
  return cursor.fail(
    "`axis`, `config`, `require`, `advise`, `prefix`, `ignore`, `weight`, `cut`, `each`, `forward` or `gguf`",
  );
};

export const architectureOf = (
  reader: Reader,
  cursor: LineCursor,
  start: number,
): ArchitectureDecl => {
  const name = cursor.name("a name");
  cursor.word("for");
  const classes = stringList(cursor, "a class name");
  const block = cursor.block("an architecture");
  const items = reader.lines(block, (line) => item(reader, line));
  const doc = reader.docBefore(start);
  return { kind: "architecture", name, classes, items, doc, span: cursor.spanFrom(start) };
};
