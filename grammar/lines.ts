/**
 * Tokens to lines: a newline ends a line, except inside ( ) and [ ]; a `{ … }` becomes one Block token whose lines are
 * kept beside it. Every line is then parsed on its own, so that a mistake never reaches the next one.
 */
import { createTokenInstance, type IToken } from "chevrotain";
import type { Diagnostic } from "./diagnostic.js";
import { reporter } from "./messages/registry.js";
import { syntaxMessages } from "./messages/syntax.js";
import type { Span } from "./span.js";
import * as t from "./tokens.js";

/** Brackets may be nested so deep; real specs need a handful. */
export const DEEPEST = 64;

/** So many operators may stand between two commas: the tree is walked by functions that call themselves. */
export const MOST_OPERATORS = 500;

const OPERATORS: ReadonlySet<unknown> = new Set([
  ...[t.Plus, t.Minus, t.PlusMinus, t.Times, t.Divide, t.Power, t.Fallback, t.Dot, t.LeftBracket],
  ...[t.AtMost, t.AtLeast, t.Less, t.Greater, t.Equal, t.Unequal, t.And, t.Or, t.Not, t.Of],
]);

/** The operator that is one too many, if there is one. */
const operatorTooMany = (tokens: readonly IToken[]): IToken | undefined => {
  let count = 0;
  return tokens.find(({ tokenType }) => {
    if (tokenType === t.Comma) count = 0;
    return OPERATORS.has(tokenType) && ++count > MOST_OPERATORS;
  });
};

/** How often reading goes back to a line after an unclosed bracket; more in one file helps nobody. */
const MOST_RETURNS = 100;

export interface Line {
  readonly tokens: readonly IToken[];
}

/** A Block token carries its lines. */
export interface BlockToken extends IToken {
  readonly lines: readonly Line[];
}

export const isBlock = (token: IToken): token is BlockToken => token.tokenType === t.Block;

/** A token of the lexer ends where its text does; a Block says where. */
export const endOf = ({ startOffset, endOffset, image }: IToken): number =>
  endOffset === undefined ? startOffset + image.length : endOffset + 1;

export const spanOf = (token: IToken): Span => ({ start: token.startOffset, end: endOf(token) });

const report = reporter(syntaxMessages);

interface Open {
  readonly token: IToken;
  readonly lines: Line[];
  current: IToken[];
  /** Depth of ( and [ within the current line. */
  readonly brackets: IToken[];
  /** The current line has a mistake that has been reported; the rest of it stays quiet. */
  spoiled: boolean;
}

const opened = (token: IToken): Open => ({
  token,
  lines: [],
  current: [],
  brackets: [],
  spoiled: false,
});

const PAIRS: Readonly<Record<string, string>> = { "{": "}", "(": ")", "[": "]" };

/** How far a token is from the beginning of its line. */
const columnOf = (text: string, { startOffset }: IToken): number => {
  let start = startOffset;
  while (start > 0 && text[start - 1] !== "\n" && text[start - 1] !== "\r") start--;
  return startOffset - start;
};

const blockToken = (open: Open, close: IToken): BlockToken => {
  const instance = createTokenInstance(
    t.Block,
    "{…}",
    open.token.startOffset,
    endOf(close) - 1,
    Number.NaN,
    Number.NaN,
    Number.NaN,
    Number.NaN,
  );
  return Object.assign(instance, { lines: open.lines });
};

/** Groups tokens into lines. Unbalanced brackets are reported and mended, so that the rest is still understood. */
export const toLines = (
  path: string,
  text: string,
  tokens: readonly IToken[],
): { readonly lines: readonly Line[]; readonly diagnostics: readonly Diagnostic[] } => {
  const diagnostics: Diagnostic[] = [];
  const place = (token: IToken) => ({ path, span: spanOf(token) });
  const root = opened(tokens[0] as IToken);
  const stack: Open[] = [root];
  const top = (): Open => stack[stack.length - 1] ?? root;

  const endLine = (open: Open): void => {
    const many = operatorTooMany(open.current);
    if (many !== undefined)
      diagnostics.push(report("too-long", place(many), { limit: MOST_OPERATORS }));
    else if (open.current.length > 0 && !open.spoiled) open.lines.push({ tokens: open.current });
    open.current = [];
    open.spoiled = false;
  };
  const unclosed = (token: IToken): void => {
    const close = PAIRS[token.image] ?? "";
    diagnostics.push(report("unclosed-bracket", place(token), { open: token.image, close }));
  };
  let at = 0;
  let returns = 0;
  let deep = false;
  /** Where a line begins after an unclosed bracket that is indented no further than the bracket's own line. */
  const nextLine = (open: Open, bracket: IToken): number => {
    const [first] = open.current;
    const column = first === undefined ? 0 : columnOf(text, first);
    for (let i = tokens.indexOf(bracket) + 1; i < at; i++) {
      const token = tokens[i];
      if (token === undefined || token.tokenType === t.Newline) continue;
      if (tokens[i - 1]?.tokenType === t.Newline && columnOf(text, token) <= column) return i;
    }
    return at;
  };
  /**
   * Newlines within brackets are space, so an unclosed bracket takes in what follows. It is given back: one mistake, one
   * diagnostic. True where reading goes on from an earlier token.
   */
  const dropBrackets = (open: Open): boolean => {
    const [first] = open.brackets;
    open.brackets.length = 0;
    if (first === undefined || open.spoiled) return false;
    if (!deep) unclosed(first);
    open.spoiled = true;
    const next = returns < MOST_RETURNS ? nextLine(open, first) : at;
    if (next === at) return false;
    returns++;
    endLine(open);
    at = next;
    return true;
  };
  const closeBlock = (close: IToken): void => {
    const open = top();
    endLine(open);
    if (open === root) {
      diagnostics.push(report("stray-bracket", place(close), { close: close.image }));
      return;
    }
    stack.pop();
    top().current.push(blockToken(open, close));
  };
  const tooDeep = (token: IToken, open: Open): boolean => {
    const over = stack.length + open.brackets.length > DEEPEST;
    if (over && !deep) diagnostics.push(report("too-deep", place(token), { limit: DEEPEST }));
    deep = deep || over;
    return over;
  };
  /** Takes the token at hand; true where reading goes on from an earlier one. */
  const read = (token: IToken): boolean => {
    const open = top();
    switch (token.tokenType) {
      case t.Newline:
        // A string that is not closed may have swallowed the brackets' ends.
        if (open.spoiled) open.brackets.length = 0;
        if (open.brackets.length === 0) endLine(open);
        return false;
      case t.LeftBrace:
        if (tooDeep(token, open)) return false;
        if (dropBrackets(open)) return true;
        stack.push(opened(token));
        return false;
      case t.RightBrace:
        if (dropBrackets(open)) return true;
        if (!deep) closeBlock(token);
        return false;
      case t.LeftParen:
      case t.LeftBracket:
        if (tooDeep(token, open)) return false;
        open.brackets.push(token);
        open.current.push(token);
        return false;
      case t.RightParen:
      case t.RightBracket: {
        const last = open.brackets[open.brackets.length - 1];
        if (last !== undefined && PAIRS[last.image] === token.image) {
          open.brackets.pop();
          open.current.push(token);
        } else if (!deep)
          diagnostics.push(report("stray-bracket", place(token), { close: token.image }));
        return false;
      }
      case t.OpenString:
        open.current.push(token);
        open.spoiled = true;
        // As in `text("x) {`: its lines are a block.
        if (token.image.trimEnd().endsWith("{") && stack.length < DEEPEST)
          stack.push(opened(token));
        return false;
      default:
        open.current.push(token);
        return false;
    }
  };
  for (;;) {
    while (at < tokens.length) {
      const token = tokens[at];
      if (token === undefined || !read(token)) at++;
    }
    const open = top();
    if (dropBrackets(open)) continue;
    endLine(open);
    if (open === root) break;
    if (!deep && open.token.tokenType === t.LeftBrace) unclosed(open.token);
    stack.pop();
    top().current.push(blockToken(open, open.token));
  }
  return { lines: root.lines, diagnostics };
};
