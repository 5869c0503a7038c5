/** Reads one line with the rules of `parser.ts`; a mistake gives one diagnostic and the rest of the line is passed over. */
import type { IToken, TokenType } from "chevrotain";
import type { Comment, Expr, Name, StringExpr } from "./ast.js";
import type { Diagnostic } from "./diagnostic.js";
import { type BlockToken, isBlock, type Line, spanOf } from "./lines.js";
import { reporter } from "./messages/registry.js";
import { syntaxMessages } from "./messages/syntax.js";
import { LineParser, nameOf, Unexpected } from "./parser.js";
import type { Span } from "./span.js";
import * as t from "./tokens.js";

export const report = reporter(syntaxMessages);

/** A line was not understood; its diagnostic has been recorded. */
class Passed extends Error {}

const describe = (token: IToken): string =>
  token.tokenType === t.Block ? "a block" : `\`${token.image}\``;

/** A cursor over the tokens of one line. Rules of the parser consume from where it stands. */
export class LineCursor {
  private at = 0;
  constructor(
    private readonly reader: Reader,
    private readonly tokens: readonly IToken[],
    /** Where the line ends, for mistakes about what is missing. */
    private readonly end: number,
  ) {}

  peek(ahead = 0): IToken | undefined {
    return this.tokens[this.at + ahead];
  }
  get done(): boolean {
    return this.at >= this.tokens.length;
  }
  is(type: TokenType): boolean {
    return this.peek()?.tokenType === type;
  }
  isWord(word: string): boolean {
    const token = this.peek();
    return token?.image === word && this.isName();
  }
  isName(): boolean {
    const type = this.peek()?.tokenType;
    return type !== undefined && t.isName(type);
  }
  take(): IToken {
    const token = this.peek();
    if (token === undefined) return this.fail("more");
    this.at++;
    return token;
  }
  /** Consumes the token type or fails, saying what belongs there. */
  expect(type: TokenType, what: string): IToken {
    return this.is(type) ? this.take() : this.fail(what);
  }
  word(word: string): IToken {
    return this.isWord(word) ? this.take() : this.fail(`\`${word}\``);
  }
  skipWord(word: string): boolean {
    if (!this.isWord(word)) return false;
    this.at++;
    return true;
  }
  name(what: string): Name {
    return this.isName() ? nameOf(this.take()) : this.fail(what);
  }
  string(what: string): StringExpr {
    return this.is(t.StringToken) ? this.rule((rules) => rules.string()) : this.fail(what);
  }
  expression(): Expr {
    return this.rule((rules) => rules.expression());
  }
  block(what: string): BlockToken {
    const token = this.peek();
    if (token !== undefined && isBlock(token)) {
      this.at++;
      return token;
    }
    return token === undefined
      ? this.reader.raise(report("missing-block", this.place(), { what }))
      : this.fail("a block");
  }
  blockIfAny(): BlockToken | null {
    const token = this.peek();
    return token !== undefined && isBlock(token) ? this.block("") : null;
  }
  /** The line must end here. */
  finish(): void {
    const token = this.peek();
    if (token !== undefined)
      this.reader.raise(report("expected-newline", this.place(), { found: describe(token) }));
  }
  place(): { path: string; span: Span } {
    const token = this.peek();
    const span = token === undefined ? { start: this.end, end: this.end } : spanOf(token);
    return { path: this.reader.path, span };
  }
  fail(expected: string): never {
    const token = this.peek();
    return this.reader.raise(
      token === undefined
        ? report("unexpected-end", this.place(), { expected })
        : report("unexpected-text", this.place(), { found: describe(token), expected }),
    );
  }
  /** Runs a rule of the parser from here on. It may end before the line does; `finish` judges that. */
  rule<T>(run: (rules: LineParser) => T): T {
    const rules = new LineParser(this.tokens, this.at);
    try {
      const value = run(rules);
      this.at = rules.at;
      return value;
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      this.at = rules.at;
      return this.fail(error.expected);
    }
  }
  spanFrom(start: number): Span {
    const last = this.tokens[this.at - 1];
    return { start, end: last === undefined ? start : spanOf(last).end };
  }
}

export class Reader {
  constructor(
    readonly path: string,
    readonly text: string,
    private readonly comments: readonly Comment[],
    private readonly diagnostics: Diagnostic[],
  ) {}

  raise(diagnostic: Diagnostic): never {
    this.diagnostics.push(diagnostic);
    throw new Passed(diagnostic.message);
  }
  note(diagnostic: Diagnostic): void {
    this.diagnostics.push(diagnostic);
  }
  /** The value of `read`, or null where the line was passed over. */
  attempt<T>(read: () => T): T | null {
    try {
      return read();
    } catch (error) {
      if (error instanceof Passed) return null;
      throw error;
    }
  }
  cursor(line: Line): LineCursor {
    const last = line.tokens[line.tokens.length - 1];
    return new LineCursor(this, line.tokens, last === undefined ? 0 : spanOf(last).end);
  }
  /** Reads each line of a block; lines that are commented out by `/-` or not understood are left out. */
  lines<T>(block: BlockToken, read: (cursor: LineCursor) => T): T[] {
    const values: T[] = [];
    for (const line of block.lines) {
      if (line.tokens[0]?.tokenType === t.SlashDash) continue;
      const value = this.attempt(() => {
        const cursor = this.cursor(line);
        const read_ = read(cursor);
        cursor.finish();
        return read_;
      });
      if (value !== null) values.push(value);
    }
    return values;
  }
  /** Whether nothing but blanks stands before an offset on its line. */
  private beginsLine(offset: number): boolean {
    let at = offset - 1;
    while (" \t\u00a0\ufeff".includes(this.text[at] ?? "\n")) at--;
    return at < 0 || this.text[at] === "\n" || this.text[at] === "\r";
  }
  /** The `///` lines directly above an offset, as one text; one behind other text on its line is a remark on that. */
  docBefore(offset: number): string | null {
    const lines: string[] = [];
    let end = offset;
    for (let i = this.lastCommentBefore(offset); i >= 0; i--) {
      const comment = this.comments[i];
      if (comment === undefined || !comment.text.startsWith("///")) break;
      if (!this.beginsLine(comment.span.start)) break;
      if (
        !/^[ \t\u00a0\ufeff]*(?:\r?\n|\r)?[ \t\u00a0\ufeff]*$/.test(
          this.text.slice(comment.span.end, end),
        )
      )
        break;
      lines.unshift(comment.text.slice(3).trim());
      end = comment.span.start;
    }
    return lines.length === 0 ? null : lines.join("\n");
  }
  private lastCommentBefore(offset: number): number {
    let low = 0;
    let high = this.comments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.comments[middle]?.span.start ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** `a, b, c` */
export const nameList = (cursor: LineCursor, what: string): Name[] => {
  const names = [cursor.name(what)];
  while (cursor.is(t.Comma)) {
    cursor.take();
    names.push(cursor.name(what));
  }
  return names;
};
