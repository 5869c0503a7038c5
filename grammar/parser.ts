/** Rules for the pieces of a line, by recursive descent: expressions, items, parameters, dimensions. They give syntax-tree nodes. */
import type { IToken, TokenType } from "chevrotain";
import type {
  Argument,
  BinaryOp,
  CallExpr,
  Dimension,
  Expr,
  Name,
  NumberExpr,
  Parameter,
  StringExpr,
} from "./ast.js";
import { spanOf } from "./lines.js";
import { spanOver } from "./span.js";
import * as t from "./tokens.js";

const SUFFIX: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, B: 1e9, T: 1e12 };

export const nameOf = (token: IToken): Name => ({
  kind: "name",
  name: token.image,
  span: spanOf(token),
});

const numberOf = (token: IToken): NumberExpr => {
  const scale = SUFFIX[token.image.slice(-1)];
  const value =
    scale === undefined ? Number(token.image) : Number(token.image.slice(0, -1)) * scale;
  return { kind: "number", value, text: token.image, span: spanOf(token) };
};

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", '"': '"', "\\": "\\" };

const stringOf = (token: IToken): StringExpr => ({
  kind: "string",
  value: token.image.slice(1, -1).replace(/\\(.)/g, (_, c: string) => ESCAPES[c] ?? c),
  span: spanOf(token),
});

const join = (op: BinaryOp, opToken: IToken, left: Expr, right: Expr): Expr => ({
  kind: "binary",
  op,
  opSpan: spanOf(opToken),
  left,
  right,
  span: spanOver(left.span, right.span),
});

const COMPARISONS: readonly TokenType[] = [
  ...[t.AtMost, t.AtLeast, t.Less, t.Greater, t.Equal, t.Unequal],
];

/** From loosest to tightest; each level associates to the left. */
const LEVELS: readonly (readonly TokenType[])[] = [
  [t.Or],
  [t.And],
  COMPARISONS,
  [t.Fallback],
  [t.Plus, t.Minus, t.PlusMinus],
  [t.Times, t.Divide, t.Of],
  [t.Dot],
];

const levels: ReadonlyMap<TokenType, number> = new Map(
  LEVELS.flatMap((operators, level) => operators.map((operator) => [operator, level] as const)),
);
const COMPARISON = LEVELS.indexOf(COMPARISONS);

/** The next token of a line is not what belongs there; `expected` says what does, for people. */
export class Unexpected extends Error {
  constructor(readonly expected: string) {
    super(expected);
  }
}

const described = ({ name }: TokenType): string =>
  /^[a-z]/.test(name) ? `a ${name}` : `\`${name}\``;

/** Each rule takes tokens from `at` on; it may end before its line does. */
export class LineParser {
  constructor(
    private readonly tokens: readonly IToken[],
    public at: number,
  ) {}

  private is(type: TokenType, ahead = 0): boolean {
    return this.tokens[this.at + ahead]?.tokenType === type;
  }
  private take(): IToken {
    const token = this.tokens[this.at];
    if (token === undefined) throw new Unexpected("more");
    this.at++;
    return token;
  }
  private expect(type: TokenType): IToken {
    if (!this.is(type)) throw new Unexpected(described(type));
    return this.take();
  }
  private skip(type: TokenType): boolean {
    const skips = this.is(type);
    if (skips) this.at++;
    return skips;
  }
  /** Whether the next token touches the one before it. */
  private touches(): boolean {
    const [before, next] = [this.tokens[this.at - 1], this.tokens[this.at]];
    return before !== undefined && next !== undefined && spanOf(before).end === next.startOffset;
  }
  /** `a.b` is a member, `a . b` a contraction. */
  private isMember(): boolean {
    const [dot, next] = [this.tokens[this.at], this.tokens[this.at + 1]];
    if (dot?.tokenType !== t.Dot || !this.touches()) return false;
    return next?.startOffset === dot.startOffset + 1;
  }
  /** Where the token before the next one ends. */
  private get end(): number {
    const before = this.tokens[this.at - 1];
    return before === undefined ? 0 : spanOf(before).end;
  }
  private get start(): number {
    return this.tokens[this.at]?.startOffset ?? this.end;
  }

  private name(): Name {
    const token = this.tokens[this.at];
    if (token === undefined || !t.isName(token.tokenType)) throw new Unexpected("a value");
    this.at++;
    return nameOf(token);
  }

  expression(): Expr {
    const { start } = this;
    const from = this.is(t.Arrow) ? null : this.range();
    if (from !== null && !this.is(t.Arrow)) return from;
    this.expect(t.Arrow);
    const to = this.range();
    return {
      kind: "arrow",
      from,
      to,
      span: { start: from?.span.start ?? start, end: to.span.end },
    };
  }

  private range(): Expr {
    const from = this.operation(0);
    if (!this.skip(t.Range)) return from;
    const to = this.operation(0);
    const step = this.skip(t.Step) ? this.operation(0) : null;
    return { kind: "range", from, to, step, span: spanOver(from.span, (step ?? to).span) };
  }

  /** Operands between operators of this level and tighter ones. */
  private operation(level: number): Expr {
    let left: Expr;
    // `not a < b` is not (a < b).
    if (level <= COMPARISON && this.is(t.Not)) {
      const operator = this.take();
      const operand = this.operation(COMPARISON);
      left = { kind: "unary", op: "not", operand, span: spanOver(spanOf(operator), operand.span) };
    } else left = this.unary();
    for (;;) {
      const next = this.tokens[this.at];
      const own = next === undefined ? undefined : levels.get(next.tokenType);
      if (next === undefined || own === undefined || own < level) return left;
      this.at++;
      left = join(next.image as BinaryOp, next, left, this.operation(own + 1));
    }
  }

  private unary(): Expr {
    if (!this.is(t.Minus) && !this.is(t.Not)) return this.power();
    const operator = this.take();
    const operand = this.unary();
    const op = operator.tokenType === t.Not ? "not" : "-";
    return { kind: "unary", op, operand, span: spanOver(spanOf(operator), operand.span) };
  }

  private power(): Expr {
    const base = this.postfix();
    if (!this.is(t.Power)) return base;
    const operator = this.take();
    return join("^", operator, base, this.unary());
  }

  private postfix(): Expr {
    let target = this.atom();
    for (;;) {
      if (this.isMember()) {
        this.take();
        const member = this.name();
        target = { kind: "member", target, member, span: spanOver(target.span, member.span) };
      } else if (this.is(t.LeftParen) && this.touches() && isCallee(target))
        target = this.call(target, []);
      else if (this.is(t.LeftBracket) && this.touches()) target = this.bracket(target);
      else return target;
    }
  }

  /** `f[axes](…)` or `x[indices]`. */
  private bracket(target: Expr): Expr {
    this.expect(t.LeftBracket);
    const items = this.expressions(t.RightBracket);
    const close = this.expect(t.RightBracket);
    const axes = items.filter((item): item is Name => item.kind === "name");
    const calls = this.is(t.LeftParen) && this.touches();
    if (calls && isCallee(target) && axes.length === items.length) return this.call(target, axes);
    const span = spanOver(target.span, spanOf(close));
    const [only] = items;
    const index: Expr =
      items.length === 1 && only !== undefined ? only : { kind: "list", items, span };
    return { kind: "index", target, index, span };
  }

  private call(callee: CallExpr["callee"], axes: readonly Name[]): Expr {
    this.expect(t.LeftParen);
    const args: Argument[] = [];
    while (!this.is(t.RightParen)) {
      args.push(this.argument());
      if (!this.skip(t.Comma)) break;
    }
    const close = this.expect(t.RightParen);
    return { kind: "call", callee, axes, args, span: spanOver(callee.span, spanOf(close)) };
  }

  private argument(): Argument {
    let name: Name | null = null;
    if (this.is(t.Colon, 1)) {
      name = this.name();
      this.expect(t.Colon);
    }
    const value = this.expression();
    return { name, value, span: spanOver(name?.span ?? value.span, value.span) };
  }

  private expressions(close: TokenType): Expr[] {
    const items: Expr[] = [];
    while (!this.is(close)) {
      items.push(this.expression());
      if (!this.skip(t.Comma)) break;
    }
    return items;
  }

  private atom(): Expr {
    switch (this.tokens[this.at]?.tokenType) {
      case t.NumberToken:
        return this.quantity();
      case t.StringToken:
        return this.string();
      case t.LeftBracket: {
        const open = this.take();
        const items = this.expressions(t.RightBracket);
        const close = this.expect(t.RightBracket);
        return { kind: "list", items, span: spanOver(spanOf(open), spanOf(close)) };
      }
      case t.LeftParen: {
        // The span takes the brackets in, so that what stands around them begins and ends with them.
        const open = this.take();
        const inner = this.expression();
        const close = this.expect(t.RightParen);
        return { ...inner, span: spanOver(spanOf(open), spanOf(close)) };
      }
      default:
        return this.name();
    }
  }

  string(): StringExpr {
    return stringOf(this.expect(t.StringToken));
  }

  private quantity(): Expr {
    const number = numberOf(this.expect(t.NumberToken));
    const unit = this.tokens[this.at];
    const isUnit = unit?.tokenType === t.Identifier && t.UNITS.has(unit.image);
    if (unit === undefined || (!isUnit && unit.tokenType !== t.Percent)) return number;
    this.at++;
    const unitSpan = spanOf(unit);
    const { value, text } = number;
    const span = spanOver(number.span, unitSpan);
    return { kind: "quantity", value, unit: unit.image, text, unitSpan, span };
  }

  /** `[group query dim, hidden]` */
  private dimensions(): Dimension[] {
    return this.bracketed(() => {
      const { start } = this;
      const axes = this.axes();
      return { axes, parts: [], span: { start, end: this.end } };
    });
  }

  private bracketed(dimension: () => Dimension): Dimension[] {
    const dimensions: Dimension[] = [];
    this.expect(t.LeftBracket);
    do dimensions.push(dimension());
    while (this.skip(t.Comma));
    this.expect(t.RightBracket);
    return dimensions;
  }

  /** `group query dim` */
  private axes(): Name[] {
    const axes = [this.name()];
    while (this.is(t.Identifier) || this.is(t.Step) || this.is(t.Of)) axes.push(this.name());
    return axes;
  }

  /** `dim | dim | dim` */
  private parts(): Name[][] {
    const parts = [this.axes()];
    while (this.skip(t.Bar)) parts.push(this.axes());
    return parts;
  }

  /** As `dimensions`, with weights one after another: `[mlp | mlp, hidden]`, `[head (dim | dim | dim), hidden]`. */
  storedDimensions(): Dimension[] {
    return this.bracketed(() => this.storedDimension());
  }

  private storedDimension(): Dimension {
    const { start } = this;
    const listed = this.parts();
    const [axes = []] = listed.length === 1 ? listed : [];
    let parts = listed.length === 1 ? [] : listed;
    if (parts.length === 0 && this.skip(t.LeftParen)) {
      parts = this.parts();
      this.expect(t.RightParen);
    }
    return { axes, parts, span: { start, end: this.end } };
  }

  private parameter(): Parameter {
    const name = this.name();
    const arrowTo = this.skip(t.Arrow) ? this.name() : null;
    const dims = this.is(t.LeftBracket) ? this.dimensions() : null;
    const indexOf = this.skip(t.Of) ? this.name() : null;
    const fallback = this.skip(t.Assign) ? this.expression() : null;
    const span = { start: name.span.start, end: this.end };
    return { name, arrowTo, dims, indexOf, fallback, span };
  }

  parameters(): Parameter[] {
    const parameters: Parameter[] = [];
    this.expect(t.LeftParen);
    while (!this.is(t.RightParen)) {
      parameters.push(this.parameter());
      if (!this.skip(t.Comma)) break;
    }
    this.expect(t.RightParen);
    return parameters;
  }
}

const isCallee = (target: Expr): target is CallExpr["callee"] =>
  target.kind === "name" || target.kind === "member";
