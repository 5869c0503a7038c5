/**
 * The formatter. It changes white space alone: two spaces a level, one space between tokens, names of settings padded to
 * a column within their block, at most one blank line. Comments and the order of lines stay as they are.
 */

import type { IToken } from "chevrotain";
import type { SourceFile } from "./ast.js";
import * as t from "./tokens.js";
import { lexer } from "./tokens.js";

interface Piece {
  readonly text: string;
  readonly token: IToken;
  readonly comment: boolean;
}

const endOf = (token: IToken): number => (token.endOffset ?? token.startOffset) + 1;

/** Tokens and comments in order; newlines are kept for blank lines and line ends. */
const pieces = (text: string): Piece[] => {
  const { tokens, groups } = lexer.tokenize(text);
  const comments = (groups.comments ?? []).map((token) => ({
    text: token.image.trimEnd(),
    token,
    comment: true,
  }));
  const words = tokens.map((token) => ({ text: token.image, token, comment: false }));
  return [...words, ...comments].sort((a, b) => a.token.startOffset - b.token.startOffset);
};

const OPENING: ReadonlySet<unknown> = new Set([t.LeftParen, t.LeftBracket]);
const CLOSING: ReadonlySet<unknown> = new Set([t.RightParen, t.RightBracket]);
const TIGHT_BEFORE: ReadonlySet<unknown> = new Set([
  t.Comma,
  t.Colon,
  t.Percent,
  t.RightParen,
  t.RightBracket,
]);

/** Whether a space stands between two neighbours on a line. */
const spaced = (before: Piece, after: Piece, unary: boolean): boolean => {
  const [left, right] = [before.token.tokenType, after.token.tokenType];
  const touched = endOf(before.token) === after.token.startOffset;
  if (TIGHT_BEFORE.has(right) || OPENING.has(left)) return false;
  if (left === t.Range || right === t.Range) return false;
  // Whether these touch is meaning: a call, an index, a member.
  if (OPENING.has(right) || left === t.Dot || right === t.Dot) return !touched;
  return !unary;
};

const isValueEnd = (piece: Piece | undefined): boolean => {
  if (piece === undefined) return false;
  const type = piece.token.tokenType;
  return type === t.NumberToken ||
    type === t.StringToken ||
    type === t.Percent ||
    CLOSING.has(type) ||
    (type.CATEGORIES ?? []).includes(t.Identifier)
    ? !t.OPERATOR_WORDS.has(piece.text)
    : type === t.Identifier;
};

interface Row {
  depth: number;
  text: string;
  /** Trailing comment, with two spaces before it where it is written. */
  comment: string;
  /** Where the head ends, if the line may be aligned. */
  head: number;
  blankBefore: boolean;
  block: number;
}

const lineText = (line: readonly Piece[]): string => {
  let text = "";
  line.forEach((piece, i) => {
    const before = line[i - 1];
    if (before === undefined) {
      text = piece.text;
      return;
    }
    const unary = before.token.tokenType === t.Minus && !isValueEnd(line[i - 2]);
    text += `${spaced(before, piece, unary) ? " " : ""}${piece.text}`;
  });
  return text;
};

/** The head of a setting (`stop`, `hidden, mlp`, `axis dim =`) may be padded to its block's column. */
const headOf = (line: readonly Piece[]): number => {
  const [first, second, third] = line;
  if (first === undefined || second === undefined || first.comment) return 0;
  if (/^(axis|config)$/.test(first.text) && third?.token.tokenType === t.Assign)
    return `${first.text} ${second.text}`.length;
  if (/^(weight|tap|each|require|forward|config|axis)$/.test(first.text)) return 0;
  if (second.token.tokenType === t.Assign) return first.text.length;
  return (second.token.tokenType === t.Identifier && second.text === "by") ||
    second.token.tokenType === t.Comma ||
    second.token.tokenType === t.LeftParen ||
    second.token.tokenType === t.LeftBracket ||
    second.token.tokenType === t.Dot
    ? 0
    : first.text.length;
};

const toRows = (all: readonly Piece[]): Row[] => {
  const rows: Row[] = [];
  const blocks: number[] = [0];
  let next = 1;
  let line: Piece[] = [];
  let brackets = 0;
  let newlines = 0;
  let lineDepth = 0;
  const flush = (comment = ""): void => {
    if (line.length === 0 && comment === "") return;
    const blankBefore = newlines > 1 && rows.length > 0;
    const text = lineText(line);
    rows.push({
      depth: lineDepth,
      text,
      comment,
      head: blocks.length > 1 && !/[{}]/.test(text) ? headOf(line) : 0,
      blankBefore,
      block: blocks[blocks.length - 1] ?? 0,
    });
    line = [];
    newlines = 0;
  };
  const start = (): void => {
    if (line.length === 0) lineDepth = blocks.length - 1;
  };
  for (const piece of all) {
    const type = piece.token.tokenType;
    if (piece.comment) {
      start();
      const own = line.length === 0 && newlines > 0;
      if (own || rows.length === 0 || line.length > 0) flush(piece.text);
      else {
        const last = rows[rows.length - 1];
        if (last !== undefined)
          last.comment = last.comment === "" ? piece.text : `${last.comment} ${piece.text}`;
      }
      continue;
    }
    if (type === t.Newline) {
      if (brackets === 0 && line.length > 0) flush();
      newlines++;
      continue;
    }
    if (type === t.RightBrace) {
      flush();
      blocks.pop();
      if (blocks.length === 0) blocks.push(0);
      lineDepth = blocks.length - 1;
      line.push(piece);
      continue;
    }
    start();
    line.push(piece);
    if (OPENING.has(type)) brackets++;
    if (CLOSING.has(type)) brackets = Math.max(0, brackets - 1);
    if (type === t.LeftBrace) {
      flush();
      blocks.push(next++);
    }
  }
  flush();
  return rows;
};

/** Pads heads to one column within runs of neighbouring settings of a block. */
const align = (rows: readonly Row[]): void => {
  let run: Row[] = [];
  const pad = (): void => {
    const widest = Math.max(0, ...run.map((row) => row.head));
    for (const row of run) {
      const head = row.text.slice(0, row.head).padEnd(widest);
      row.text = `${head} ${row.text.slice(row.head).trimStart()}`.trimEnd();
    }
    run = [];
  };
  for (const row of rows) {
    const [first] = run;
    if (row.head === 0 || row.blankBefore || (first !== undefined && first.block !== row.block))
      pad();
    if (row.head > 0) run.push(row);
  }
  pad();
};

/** `{}` and short one-line blocks stay on one line where they were written so. */
const rowText = (row: Row): string => {
  const indent = "  ".repeat(row.depth);
  const gap = row.text === "" || row.comment === "" ? "" : " ";
  return `${row.blankBefore ? "\n" : ""}${indent}${row.text}${gap}${row.comment}`.trimEnd();
};

/** The file's text, formatted. Only for files without syntax errors. */
export const format = (file: Pick<SourceFile, "text">): string => {
  const rows = toRows(pieces(file.text));
  align(rows);
  return rows.length === 0 ? "" : `${rows.map(rowText).join("\n")}\n`;
};
