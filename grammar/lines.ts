/**
 * Tokens to lines: a newline ends a line, except inside ( ) and [ ]; a `{ … }` becomes one Block token that holds its
 * lines. Every line is then parsed on its own, so that a mistake never reaches the next one.
 */
import { createTokenInstance, type IToken } from "chevrotain";
import type { Diagnostic } from "./diagnostic.js";
import { report } from "./messages/index.js";
import type { Span } from "./span.js";
import * as t from "./tokens.js";
import { DECLARATIONS, ITEMS } from "./words.js";

/** Brackets may be nested so deep; real specs need a handful. */
export const DEEPEST = 64;

export interface Line {
  readonly tokens: readonly IToken[];
  /** A mistake in it has been reported: only its blocks are worth reading. */
  readonly broken: boolean;
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

/** Any word, operator words and keywords among them. */
export const isWord = (token: IToken | undefined): token is IToken =>
  token !== undefined &&
  (token.tokenType === t.Identifier || (token.tokenType.CATEGORIES ?? []).includes(t.Identifier));

export interface Lines {
  readonly lines: readonly Line[];
  /** What `/-` comments out. */
  readonly dropped: readonly Span[];
  readonly diagnostics: readonly Diagnostic[];
}

/** A block whose end has not come yet; the file itself is the outermost, without `brace`. */
interface Open {
  readonly brace: IToken | null;
  readonly lines: Line[];
  current: IToken[];
  broken: boolean;
  /** The ( and [ that are open in the current line. */
  readonly brackets: IToken[];
}

const PAIRS: Readonly<Record<string, string>> = { "{": "}", "(": ")", "[": "]" };
const BEGINNINGS: ReadonlySet<string> = new Set([...DECLARATIONS, ...ITEMS, "tap"]);
const OPERATORS: ReadonlySet<unknown> = new Set([t.And, t.Or, t.Not, t.Of, t.Step]);
const VALUE_ENDS: ReadonlySet<unknown> = new Set([
  ...[t.NumberToken, t.StringToken, t.Percent],
  ...[t.RightParen, t.RightBracket],
]);

const open = (brace: IToken | null): Open => ({
  brace,
  lines: [],
  current: [],
  broken: false,
  brackets: [],
});

class Grouper {
  readonly diagnostics: Diagnostic[] = [];
  readonly dropped: Span[] = [];
  readonly root = open(null);
  private readonly stack: Open[] = [this.root];
  /** `{` minus `}` among the tokens to come. */
  private ahead = 0;

  constructor(
    private readonly path: string,
    private readonly text: string,
    private readonly tokens: readonly IToken[],
  ) {
    for (const { tokenType } of tokens)
      if (tokenType === t.LeftBrace) this.ahead++;
      else if (tokenType === t.RightBrace) this.ahead--;
  }

  group(): Lines {
    for (let at = 0; at < this.tokens.length; at++) {
      const token = this.tokens[at];
      if (token === undefined || !this.take(token, at)) break;
    }
    while (this.stack.length > 1) this.closeUnclosed();
    this.endBrackets(this.root);
    this.endLine(this.root);
    return { lines: this.root.lines, dropped: this.dropped, diagnostics: this.diagnostics };
  }

  private get top(): Open {
    return this.stack[this.stack.length - 1] ?? this.root;
  }

  /** False where there is no sense in going on. */
  private take(token: IToken, at: number): boolean {
    const top = this.top;
    switch (token.tokenType) {
      case t.Newline:
        this.newline(at);
        return true;
      case t.LeftBrace:
        this.ahead--;
        this.endBrackets(top);
        this.stack.push(open(token));
        return this.notTooDeep(token);
      case t.RightBrace:
        this.ahead++;
        this.closeBlock(token);
        return true;
      case t.LeftParen:
      case t.LeftBracket:
        top.brackets.push(token);
        top.current.push(token);
        return this.notTooDeep(token);
      case t.RightParen:
      case t.RightBracket:
        this.closeBracket(top, token);
        return true;
      case t.OpenString:
        this.openString(top, token);
        return true;
      case t.Unknown:
        this.say("unknown-character", token);
        top.broken = true;
        return true;
      default:
        top.current.push(token);
        return true;
    }
  }

  private say(code: "unknown-character" | "unclosed-string", token: IToken): void {
    this.diagnostics.push(report(code, { path: this.path, span: spanOf(token) }, {}));
  }

  private unclosed(token: IToken): void {
    const place = { path: this.path, span: spanOf(token) };
    const parameters = { open: token.image, close: PAIRS[token.image] ?? "" };
    this.diagnostics.push(report("unclosed-bracket", place, parameters));
  }

  private stray(token: IToken): void {
    const place = { path: this.path, span: spanOf(token) };
    this.diagnostics.push(report("stray-bracket", place, { close: token.image }));
  }

  /** What is nested this deep is not read any further, nor is what follows. */
  private notTooDeep(token: IToken): boolean {
    if (this.stack.length + this.top.brackets.length <= DEEPEST) return true;
    const place = { path: this.path, span: spanOf(token) };
    this.diagnostics.push(report("too-deep", place, { limit: DEEPEST }));
    for (const block of this.stack) {
      block.broken = true;
      block.brackets.length = 0;
    }
    while (this.stack.length > 1) this.leaveBlock(token.startOffset);
    return false;
  }

  private newline(at: number): void {
    let next = at + 1;
    while (this.tokens[next]?.tokenType === t.Newline) next++;
    const [first, second] = [this.tokens[next], this.tokens[next + 1]];
    const top = this.top;
    if (top.brackets.length > 0 && first !== undefined && !this.beginsLine(top, first, second))
      return;
    this.endBrackets(top);
    this.endLine(top);
    if (this.someUnclosed() && first !== undefined && this.beginsDeclaration(first, second))
      while (this.stack.length > 1) this.closeUnclosed();
  }

  /** Whether some block that is open will never be closed. */
  private someUnclosed(): boolean {
    return this.stack.length - 1 + this.ahead > 0;
  }

  /**
   * Whether a bracket must have been forgotten before this token: after a value, only a comma, an operator or a closing
   * bracket can go on within brackets, or another axis of a dimension.
   */
  private beginsLine(top: Open, first: IToken, second: IToken | undefined): boolean {
    const last = top.current[top.current.length - 1];
    const bracket = top.brackets[top.brackets.length - 1];
    if (last === undefined || !isWord(first) || OPERATORS.has(first.tokenType)) return false;
    if (isWord(last) && bracket?.tokenType === t.LeftBracket)
      return BEGINNINGS.has(first.image) || second?.tokenType === t.Assign;
    return VALUE_ENDS.has(last.tokenType) || (isWord(last) && !OPERATORS.has(last.tokenType));
  }

  /** At the left margin, where some block is never closed, a declaration must be outside of every block. */
  private beginsDeclaration(first: IToken, second: IToken | undefined): boolean {
    const before = this.text[first.startOffset - 1];
    return (
      this.stack.length > 1 &&
      (before === "\n" || before === "\r") &&
      DECLARATIONS.includes(first.image) &&
      (isWord(second) || second?.tokenType === t.LeftBrace)
    );
  }

  private endLine(block: Open): void {
    const { current, broken } = block;
    const [first] = current;
    const last = current[current.length - 1];
    block.current = [];
    block.broken = false;
    if (first === undefined || last === undefined) return;
    if (first.tokenType === t.SlashDash)
      this.dropped.push({ start: first.startOffset, end: spanOf(last).end });
    else block.lines.push({ tokens: current, broken });
  }

  /** Reports the outermost bracket that is still open; the rest of its line is not understood. */
  private endBrackets(block: Open): void {
    const [first] = block.brackets;
    if (first === undefined) return;
    this.unclosed(first);
    block.broken = true;
    block.brackets.length = 0;
  }

  private closeBracket(block: Open, token: IToken): void {
    block.current.push(token);
    const fits = (bracket: IToken): boolean => PAIRS[bracket.image] === token.image;
    const innermost = block.brackets.pop();
    if (innermost !== undefined && fits(innermost)) return;
    block.broken = true;
    const outer = block.brackets.findLastIndex(fits);
    if (innermost === undefined || outer < 0) this.stray(token);
    else {
      this.unclosed(innermost);
      block.brackets.length = outer;
    }
  }

  private closeBlock(token: IToken): void {
    this.endBrackets(this.top);
    if (this.stack.length > 1) this.leaveBlock(spanOf(token).end);
    else {
      this.endLine(this.root);
      this.stray(token);
    }
  }

  /** A brace that stands in an unclosed string has been reported with it. */
  private closeUnclosed(): void {
    const { brace, current, lines } = this.top;
    this.endBrackets(this.top);
    if (brace?.tokenType === t.LeftBrace) this.unclosed(brace);
    const last = (current.length > 0 ? current : (lines[lines.length - 1]?.tokens ?? [])).at(-1);
    this.leaveBlock(last === undefined ? (brace?.startOffset ?? 0) + 1 : spanOf(last).end);
  }

  private leaveBlock(end: number): void {
    const block = this.top;
    this.endLine(block);
    this.stack.pop();
    const start = block.brace?.startOffset ?? 0;
    const none = Number.NaN;
    const token = createTokenInstance(t.Block, "{…}", start, end - 1, none, none, none, none);
    this.top.current.push(Object.assign(token, { lines: block.lines }));
  }

  /** The string runs to the end of its line, over brackets that were to be closed and braces that were to be opened. */
  private openString(block: Open, token: IToken): void {
    this.say("unclosed-string", token);
    block.current.push(token);
    block.broken = true;
    while (block.brackets[block.brackets.length - 1]?.startLine === token.startLine)
      block.brackets.pop();
    if (/\{[^}]*$/.test(token.image)) this.stack.push(open(token));
  }
}

/** Groups tokens into lines. Unbalanced brackets are reported and mended, so that the rest is still understood. */
export const toLines = (path: string, text: string, tokens: readonly IToken[]): Lines =>
  new Grouper(path, text, tokens).group();
