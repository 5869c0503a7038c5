/**
 * The formatter. It changes white space alone, but for a last comma, which goes: two spaces a level, one space between
 * tokens, names of settings padded to a column within their block, at most one blank line. Comments and the order of lines
 * stay as they are, and so do blocks that were written on one line.
 */

import type { IToken, TokenType } from "chevrotain";
import type { SourceFile } from "./ast.js";
import { endOf } from "./lines.js";
import * as t from "./tokens.js";
import { lexer } from "./tokens.js";

interface Piece {
  readonly text: string;
  readonly token: IToken;
  readonly comment: boolean;
}

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

/** Joined to what stands on their left and right; a head never ends before one. */
const OPERATORS: ReadonlySet<unknown> = new Set([
  ...[t.Plus, t.Minus, t.PlusMinus, t.Times, t.Divide, t.Power, t.Dot, t.Range, t.Fallback],
  ...[t.AtMost, t.AtLeast, t.Less, t.Greater, t.Equal, t.Unequal, t.And, t.Or, t.Of],
]);

const isWord = (piece: Piece): boolean => t.isName(piece.token.tokenType);

/** Whether a value ends at a piece, so that a minus after it takes something away from it. */
const isValueEnd = (line: readonly Piece[], at: number): boolean => {
  const piece = line[at];
  if (piece === undefined) return false;
  // `step` stands between two values in `1..9 step 2`, and is a name in `step - warmup`.
  if (t.OPERATOR_WORDS.has(piece.text)) return piece.text !== "not" && !isValueEnd(line, at - 1);
  const type = piece.token.tokenType;
  return (
    type === t.NumberToken ||
    type === t.StringToken ||
    type === t.Percent ||
    CLOSING.has(type) ||
    isWord(piece)
  );
};

/** Whether a space stands between a piece of a line and the one before it. */
const spaced = (line: readonly Piece[], at: number): boolean => {
  const [before, after] = [line[at - 1], line[at]];
  if (before === undefined || after === undefined) return false;
  const [left, right] = [before.token.tokenType, after.token.tokenType];
  const touched = endOf(before.token) === after.token.startOffset;
  if (TIGHT_BEFORE.has(right) || OPENING.has(left)) return false;
  if (left === t.Range || right === t.Range) return false;
  // Whether these touch is meaning: a call, an index, a member.
  if (left === t.Dot || right === t.Dot) return !touched;
  if (OPENING.has(right) && isValueEnd(line, at - 1)) return !touched;
  return left !== t.Minus || isValueEnd(line, at - 2);
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

const lineText = (line: readonly Piece[]): string =>
  line.map((piece, i) => `${spaced(line, i) ? " " : ""}${piece.text}`).join("");

/** Lines of architectures whose heads are not padded. */
const PLAIN =
  /^(weight|tap|state|each|require|advise|forward|config|axis|prefix|ignore|cut|key|tensor|list)$/;

/** The head of a setting (`stop`, `hidden, mlp`, `axis dim =`) may be padded to its block's column. */
const headOf = (line: readonly Piece[]): number => {
  const [first, second, third] = line;
  if (first === undefined || second === undefined || !isWord(first)) return 0;
  if (isWord(second) && third?.token.tokenType === t.Assign)
    return `${first.text} ${second.text}`.length;
  if (PLAIN.test(first.text)) return 0;
  if (second.token.tokenType === t.Assign) return first.text.length;
  return (second.token.tokenType === t.Identifier && second.text === "by") ||
    OPERATORS.has(second.token.tokenType) ||
    second.token.tokenType === t.Comma ||
    second.token.tokenType === t.LeftParen ||
    second.token.tokenType === t.LeftBracket
    ? 0
    : first.text.length;
};

/** Without commas that a closing bracket follows: in the line that a call becomes, they separate nothing. */
const withoutLastCommas = (all: readonly Piece[]): Piece[] => {
  let next: TokenType | null = null;
  const kept = all.toReversed().filter(({ comment, token: { tokenType } }) => {
    if (comment || tokenType === t.Newline) return true;
    const isLast = tokenType === t.Comma && CLOSING.has(next);
    next = tokenType;
    return !isLast;
  });
  return kept.reverse();
};

/** Whether the block that opens at `from` closes on its own line; it then stays there. */
const isOneLine = (all: readonly Piece[], from: number): boolean => {
  let depth = 0;
  for (let i = from; i < all.length; i++) {
    const piece = all[i];
    const type = piece?.token.tokenType;
    if (piece === undefined || piece.comment || type === t.Newline) return false;
    if (type === t.LeftBrace) depth++;
    if (type === t.RightBrace && --depth === 0) return true;
  }
  return false;
};

const toRows = (all: readonly Piece[]): Row[] => {
  const rows: Row[] = [];
  const blocks: number[] = [0];
  let next = 1;
  let line: Piece[] = [];
  /** How many ( and [ are open, and how many `{` of blocks that stay on the line. */
  let brackets = 0;
  let inline = 0;
  let newlines = 0;
  /** Nothing but spaces has come since the last line end. */
  let fresh = true;
  let lineDepth = 0;
  /** The row goes on with a statement, after a comment within brackets. */
  let goesOn = false;
  const flush = (comment = ""): void => {
    if (line.length === 0 && comment === "") return;
    const text = lineText(line);
    const edge = rows.length === 0 || text.startsWith("}") || rows.at(-1)?.text.endsWith("{");
    rows.push({
      depth: lineDepth,
      text,
      comment,
      head: blocks.length > 1 && !goesOn && !/[{}]/.test(text) ? headOf(line) : 0,
      blankBefore: newlines > 1 && !goesOn && edge !== true,
      block: blocks[blocks.length - 1] ?? 0,
    });
    line = [];
    newlines = 0;
  };
  const start = (type: TokenType): void => {
    if (line.length > 0) return;
    goesOn = brackets > 0;
    const closes = CLOSING.has(type) && brackets === 1;
    lineDepth = blocks.length - 1 + (goesOn && !closes ? 1 : 0);
  };
  const comment = (piece: Piece): void => {
    start(piece.token.tokenType);
    const last = rows[rows.length - 1];
    // After a `{` that has ended its row.
    if (line.length === 0 && !fresh && last !== undefined) last.comment = piece.text;
    else flush(piece.text);
  };
  all.forEach((piece, i) => {
    const type = piece.token.tokenType;
    if (piece.comment) comment(piece);
    else if (type === t.Newline) {
      if (brackets === 0) {
        flush();
        newlines++;
      }
    } else if (type === t.RightBrace && inline > 0) {
      inline--;
      line.push(piece);
    } else if (type === t.RightBrace) {
      flush();
      blocks.pop();
      if (blocks.length === 0) blocks.push(0);
      start(type);
      line.push(piece);
    } else {
      start(type);
      line.push(piece);
      if (OPENING.has(type)) brackets++;
      if (CLOSING.has(type)) brackets = Math.max(0, brackets - 1);
      if (type === t.LeftBrace && (inline > 0 || isOneLine(all, i))) inline++;
      else if (type === t.LeftBrace) {
        flush();
        blocks.push(next++);
      }
    }
    fresh = type === t.Newline;
  });
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

const rowText = (row: Row): string => {
  const indent = "  ".repeat(row.depth);
  const gap = row.text === "" || row.comment === "" ? "" : " ";
  return `${row.blankBefore ? "\n" : ""}${indent}${row.text}${gap}${row.comment}`.trimEnd();
};

/** The file's text, formatted. Only for files without syntax errors. */
export const format = (file: Pick<SourceFile, "text">): string => {
  const rows = toRows(withoutLastCommas(pieces(file.text)));
  align(rows);
  return rows.length === 0 ? "" : `${rows.map(rowText).join("\n")}\n`;
};
