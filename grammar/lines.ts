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

export interface Line {
  readonly tokens: readonly IToken[];
}

/** A Block token carries its lines. */
export interface BlockToken extends IToken {
  readonly lines: readonly Line[];
}

export const isBlock = (token: IToken): token is BlockToken => token.tokenType === t.Block;

export const spanOf = (token: IToken): Span => ({
  start: token.startOffset,
  end: (token.endOffset ?? token.startOffset) + 1,
});

const report = reporter(syntaxMessages);

interface Open {
  readonly token: IToken;
  readonly lines: Line[];
  current: IToken[];
  /** Depth of ( and [ within the current line. */
  readonly brackets: IToken[];
}

const PAIRS: Readonly<Record<string, string>> = { "{": "}", "(": ")", "[": "]" };

const blockToken = (open: Open, close: IToken): BlockToken => {
  const instance = createTokenInstance(
    t.Block,
    "{…}",
    open.token.startOffset,
    close.endOffset ?? close.startOffset,
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
  tokens: readonly IToken[],
): { readonly lines: readonly Line[]; readonly diagnostics: readonly Diagnostic[] } => {
  const diagnostics: Diagnostic[] = [];
  const place = (token: IToken) => ({ path, span: spanOf(token) });
  const root: Open = { token: tokens[0] as IToken, lines: [], current: [], brackets: [] };
  const stack: Open[] = [root];
  const top = (): Open => stack[stack.length - 1] ?? root;

  const endLine = (open: Open): void => {
    if (open.current.length > 0) open.lines.push({ tokens: open.current });
    open.current = [];
  };
  const unclosed = (token: IToken): void => {
    const close = PAIRS[token.image] ?? "";
    diagnostics.push(report("unclosed-bracket", place(token), { open: token.image, close }));
  };
  /** A newline within brackets is space, unless the next line can only be a new statement's block end. */
  const dropBrackets = (open: Open): void => {
    const [first] = open.brackets;
    if (first !== undefined) {
      unclosed(first);
      // The rest of the line is not understood: one mistake, one diagnostic.
      open.current = [];
    }
    open.brackets.length = 0;
  };
  const closeBlock = (close: IToken): void => {
    const open = top();
    dropBrackets(open);
    endLine(open);
    if (open === root) {
      diagnostics.push(report("stray-bracket", place(close), { close: close.image }));
      return;
    }
    stack.pop();
    top().current.push(blockToken(open, close));
  };
  let deep = false;
  for (const token of tokens) {
    const open = top();
    switch (token.tokenType) {
      case t.Newline:
        if (open.brackets.length === 0) endLine(open);
        break;
      case t.LeftBrace:
        if (stack.length + open.brackets.length > DEEPEST) {
          deep = deep || diagnostics.push(report("too-deep", place(token), { limit: DEEPEST })) > 0;
          break;
        }
        dropBrackets(open);
        stack.push({ token, lines: [], current: [], brackets: [] });
        break;
      case t.RightBrace:
        if (!deep) closeBlock(token);
        break;
      case t.LeftParen:
      case t.LeftBracket:
        if (stack.length + open.brackets.length > DEEPEST) {
          deep = deep || diagnostics.push(report("too-deep", place(token), { limit: DEEPEST })) > 0;
          break;
        }
        open.brackets.push(token);
        open.current.push(token);
        break;
      case t.RightParen:
      case t.RightBracket: {
        const last = open.brackets[open.brackets.length - 1];
        if (last !== undefined && PAIRS[last.image] === token.image) {
          open.brackets.pop();
          open.current.push(token);
        } else if (!deep)
          diagnostics.push(report("stray-bracket", place(token), { close: token.image }));
        break;
      }
      default:
        open.current.push(token);
    }
  }
  while (stack.length > 1) {
    const open = top();
    dropBrackets(open);
    endLine(open);
    if (!deep) unclosed(open.token);
    stack.pop();
    top().current.push(blockToken(open, open.current[0] ?? open.token));
  }
  dropBrackets(root);
  endLine(root);
  return { lines: root.lines, diagnostics };
};
