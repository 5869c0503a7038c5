/** Chevrotain rules for the pieces of a line: expressions, items, parameters, dimensions. They give syntax-tree nodes. */
import { EmbeddedActionsParser, type IToken, type TokenType } from "chevrotain";
import type {
  Argument,
  BinaryOp,
  Dimension,
  Expr,
  Name,
  NumberExpr,
  Parameter,
  StringExpr,
} from "./ast.js";
import { spanOf } from "./lines.js";
import type { Span } from "./span.js";
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

/** From the first to the last; Chevrotain records the rules once with empty values, hence the defaults. */
const spanOver = (first: Span | undefined, last: Span | undefined): Span => ({
  start: first?.start ?? 0,
  end: last?.end ?? 0,
});

const join = (op: BinaryOp, opToken: IToken, left: Expr, right: Expr): Expr => ({
  kind: "binary",
  op,
  opSpan: spanOf(opToken),
  left,
  right,
  span: spanOver(left?.span, right?.span),
});

interface Level {
  readonly operators: readonly TokenType[];
}

const COMPARISONS: readonly TokenType[] = [
  ...[t.AtMost, t.AtLeast, t.Less, t.Greater, t.Equal, t.Unequal],
];

/** From loosest to tightest; each level associates to the left. */
const LEVELS: readonly Level[] = [
  { operators: [t.Or] },
  { operators: [t.And] },
  { operators: COMPARISONS },
  { operators: [t.Fallback] },
  { operators: [t.Plus, t.Minus, t.PlusMinus] },
  { operators: [t.Times, t.Divide, t.Of] },
  { operators: [t.Dot] },
];

export class LineParser extends EmbeddedActionsParser {
  constructor() {
    super(t.allTokens, { recoveryEnabled: false, maxLookahead: 2, skipValidations: true });
    this.performSelfAnalysis();
  }

  /** A rule may end before its line does, which is no mistake of the rule: errors that nobody reads cost a stack trace each. */
  onAfterParse(): void {}

  /** Whether the next token touches the one before it. */
  private touches(): boolean {
    return (this.LA(0).endOffset ?? -2) + 1 === this.LA(1).startOffset;
  }
  private isOneOf(types: readonly TokenType[]): boolean {
    return types.includes(this.LA(1).tokenType);
  }
  /** `a.b` is a member, `a . b` a contraction. */
  private isMember(): boolean {
    return (
      this.LA(1).tokenType === t.Dot &&
      this.touches() &&
      this.LA(2).startOffset === this.LA(1).startOffset + 1
    );
  }

  readonly name = this.RULE("name", (): Name => nameOf(this.CONSUME(t.Identifier)));

  readonly expression: () => Expr = this.RULE("expression", (): Expr => {
    let from: Expr | null = null;
    if (this.LA(1).tokenType !== t.Arrow) from = this.SUBRULE(this.range);
    if (this.LA(1).tokenType !== t.Arrow && from !== null) return from;
    const arrow = this.CONSUME(t.Arrow);
    const to = this.SUBRULE1(this.range);
    return { kind: "arrow", from, to, span: spanOver(from?.span ?? spanOf(arrow), to.span) };
  });

  readonly range: () => Expr = this.RULE("range", (): Expr => {
    const from = this.SUBRULE(this.level, { ARGS: [0] });
    if (this.LA(1).tokenType !== t.Range) return from;
    this.CONSUME(t.Range);
    const to = this.SUBRULE1(this.level, { ARGS: [0] });
    let step: Expr | null = null;
    if (this.LA(1).tokenType === t.Step) {
      this.CONSUME(t.Step);
      step = this.SUBRULE2(this.level, { ARGS: [0] });
    }
    return { kind: "range", from, to, step, span: spanOver(from.span, (step ?? to).span) };
  });

  readonly level: (depth: number) => Expr = this.RULE("level", (depth: number): Expr => {
    const operators = LEVELS[depth]?.operators;
    if (operators === undefined) return this.SUBRULE(this.unary);
    // `not a < b` is not (a < b).
    if (operators === COMPARISONS && this.isOneOf([t.Not])) {
      const operator = this.consumeAny();
      const operand = this.SUBRULE3(this.level, { ARGS: [depth] });
      return { kind: "unary", op: "not", operand, span: spanOver(spanOf(operator), operand.span) };
    }
    let left = this.SUBRULE1(this.level, { ARGS: [depth + 1] });
    while (this.isOneOf(operators)) {
      const operator = this.consumeAny();
      const right = this.SUBRULE2(this.level, { ARGS: [depth + 1] });
      left = join(operator.image as BinaryOp, operator, left, right);
    }
    return left;
  });

  /** The last token that the last rule took. */
  lastTaken(): IToken {
    return this.LA(0);
  }

  private consumeAny(): IToken {
    return this.consume(0, this.LA(1).tokenType) as IToken;
  }

  readonly unary: () => Expr = this.RULE("unary", (): Expr => {
    if (!this.isOneOf([t.Minus, t.Not])) return this.SUBRULE(this.power);
    const operator = this.consumeAny();
    const operand = this.SUBRULE1(this.unary);
    const op = operator.tokenType === t.Not ? "not" : "-";
    return { kind: "unary", op, operand, span: spanOver(spanOf(operator), operand.span) };
  });

  readonly power: () => Expr = this.RULE("power", (): Expr => {
    const base = this.SUBRULE(this.postfix);
    if (this.LA(1).tokenType !== t.Power) return base;
    const operator = this.CONSUME(t.Power);
    return join("^", operator, base, this.SUBRULE(this.unary));
  });

  readonly postfix: () => Expr = this.RULE("postfix", (): Expr => {
    let target = this.SUBRULE(this.atom);
    for (;;) {
      if (this.isMember()) {
        this.CONSUME(t.Dot);
        const member = this.SUBRULE(this.name);
        target = { kind: "member", target, member, span: spanOver(target.span, member.span) };
      } else if (this.touches() && this.LA(1).tokenType === t.LeftParen && isCallee(target))
        target = this.SUBRULE(this.call, { ARGS: [target, []] });
      else if (this.touches() && this.LA(1).tokenType === t.LeftBracket)
        target = this.SUBRULE1(this.bracket, { ARGS: [target] });
      else return target;
    }
  });

  /** `f[axes](…)` or `x[indices]`. */
  readonly bracket: (target: Expr) => Expr = this.RULE("bracket", (target: Expr): Expr => {
    this.CONSUME(t.LeftBracket);
    const items = this.SUBRULE(this.expressions, { ARGS: [t.RightBracket] });
    const close = this.CONSUME(t.RightBracket);
    if (this.RECORDING_PHASE) return target;
    const axes = items.filter((item): item is Name => item.kind === "name");
    const calls = this.touches() && this.LA(1).tokenType === t.LeftParen;
    if (calls && isCallee(target) && axes.length === items.length)
      return this.SUBRULE2(this.call, { ARGS: [target, axes] });
    const span = { start: target?.span.start ?? 0, end: spanOf(close).end };
    const [only] = items;
    const index: Expr =
      items.length === 1 && only !== undefined ? only : { kind: "list", items, span };
    return { kind: "index", target, index, span };
  });

  readonly call: (callee: Expr, axes: readonly Name[]) => Expr = this.RULE(
    "call",
    (callee: Expr, axes: readonly Name[]): Expr => {
      this.CONSUME(t.LeftParen);
      const args: Argument[] = [];
      while (this.LA(1).tokenType !== t.RightParen) {
        args.push(this.SUBRULE(this.argument));
        if (this.LA(1).tokenType !== t.Comma) break;
        this.CONSUME(t.Comma);
      }
      const close = this.CONSUME(t.RightParen);
      const span = { start: callee?.span.start ?? 0, end: spanOf(close).end };
      return { kind: "call", callee: callee as Name, axes, args, span };
    },
  );

  readonly argument: () => Argument = this.RULE("argument", (): Argument => {
    let name: Name | null = null;
    if (this.LA(2).tokenType === t.Colon) {
      name = this.SUBRULE(this.name);
      this.CONSUME(t.Colon);
    }
    const value = this.SUBRULE(this.expression);
    return { name, value, span: spanOver(name?.span ?? value.span, value.span) };
  });

  readonly expressions: (close: TokenType) => Expr[] = this.RULE(
    "expressions",
    (close: TokenType): Expr[] => {
      const items: Expr[] = [];
      while (this.LA(1).tokenType !== close) {
        items.push(this.SUBRULE(this.expression));
        if (this.LA(1).tokenType !== t.Comma) break;
        this.CONSUME(t.Comma);
      }
      return items;
    },
  );

  readonly atom: () => Expr = this.RULE("atom", (): Expr => {
    switch (this.LA(1).tokenType) {
      case t.NumberToken:
        return this.SUBRULE(this.quantity);
      case t.StringToken:
        return stringOf(this.CONSUME(t.StringToken));
      case t.LeftBracket: {
        const open = this.CONSUME(t.LeftBracket);
        const items = this.SUBRULE(this.expressions, { ARGS: [t.RightBracket] });
        const close = this.CONSUME(t.RightBracket);
        return { kind: "list", items, span: spanOver(spanOf(open), spanOf(close)) };
      }
      case t.LeftParen: {
        // The span takes the brackets in, so that what stands around them begins and ends with them.
        const open = this.CONSUME(t.LeftParen);
        const inner = this.SUBRULE(this.expression);
        const close = this.CONSUME(t.RightParen);
        return { ...inner, span: spanOver(spanOf(open), spanOf(close)) };
      }
      default:
        return this.SUBRULE(this.name);
    }
  });

  readonly quantity: () => Expr = this.RULE("quantity", (): Expr => {
    const number = numberOf(this.CONSUME(t.NumberToken));
    const unit = this.LA(1);
    const isUnit = unit.tokenType === t.Identifier && t.UNITS.has(unit.image);
    if (!isUnit && unit.tokenType !== t.Percent) return number;
    this.consumeAny();
    const span = spanOver(number.span, spanOf(unit));
    return {
      kind: "quantity",
      value: number.value,
      unit: unit.image,
      text: number.text,
      unitSpan: spanOf(unit),
      span,
    };
  });

  readonly names: () => Name[] = this.RULE("names", (): Name[] => {
    const names = [this.SUBRULE(this.name)];
    while (this.LA(1).tokenType === t.Comma) {
      this.CONSUME(t.Comma);
      names.push(this.SUBRULE1(this.name));
    }
    return names;
  });

  /** `[group query dim, hidden]` */
  readonly dimensions: () => Dimension[] = this.RULE("dimensions", (): Dimension[] => {
    const dimensions: Dimension[] = [];
    this.CONSUME(t.LeftBracket);
    do {
      if (dimensions.length > 0) this.CONSUME(t.Comma);
      const start = spanOf(this.LA(1));
      const axes = this.SUBRULE(this.axes);
      dimensions.push({ axes, parts: [], span: spanOver(start, spanOf(this.LA(0))) });
    } while (this.LA(1).tokenType === t.Comma);
    this.CONSUME(t.RightBracket);
    return dimensions;
  });

  /** `group query dim` */
  readonly axes: () => Name[] = this.RULE("axes", (): Name[] => {
    const axes = [this.SUBRULE(this.name)];
    while (this.isOneOf([t.Identifier, t.Step, t.Of])) axes.push(this.SUBRULE1(this.name));
    return axes;
  });

  /** `dim | dim | dim` */
  readonly parts: () => Name[][] = this.RULE("parts", (): Name[][] => {
    const parts = [this.SUBRULE(this.axes)];
    while (this.LA(1).tokenType === t.Bar) {
      this.CONSUME(t.Bar);
      parts.push(this.SUBRULE1(this.axes));
    }
    return parts;
  });

  /** As `dimensions`, with weights one after another: `[mlp | mlp, hidden]`, `[head (dim | dim | dim), hidden]`. */
  readonly storedDimensions: () => Dimension[] = this.RULE("storedDimensions", (): Dimension[] => {
    const dimensions: Dimension[] = [];
    this.CONSUME(t.LeftBracket);
    do {
      if (dimensions.length > 0) this.CONSUME(t.Comma);
      dimensions.push(this.SUBRULE(this.storedDimension));
    } while (this.LA(1).tokenType === t.Comma);
    this.CONSUME(t.RightBracket);
    return dimensions;
  });

  readonly storedDimension: () => Dimension = this.RULE("storedDimension", (): Dimension => {
    const start = spanOf(this.LA(1));
    const listed = this.SUBRULE(this.parts);
    const [axes = []] = listed.length === 1 ? listed : [];
    let parts = listed.length === 1 ? [] : listed;
    if (parts.length === 0 && this.LA(1).tokenType === t.LeftParen) {
      this.CONSUME(t.LeftParen);
      parts = this.SUBRULE1(this.parts);
      this.CONSUME(t.RightParen);
    }
    return { axes, parts, span: spanOver(start, spanOf(this.LA(0))) };
  });

  readonly parameter: () => Parameter = this.RULE("parameter", (): Parameter => {
    const name = this.SUBRULE(this.name);
    let arrowTo: Name | null = null;
    let dims: Dimension[] | null = null;
    let indexOf: Name | null = null;
    let fallback: Expr | null = null;
    if (this.LA(1).tokenType === t.Arrow) {
      this.CONSUME(t.Arrow);
      arrowTo = this.SUBRULE1(this.name);
    }
    if (this.LA(1).tokenType === t.LeftBracket) dims = this.SUBRULE(this.dimensions);
    if (this.LA(1).tokenType === t.Of) {
      this.CONSUME(t.Of);
      indexOf = this.SUBRULE2(this.name);
    }
    if (this.LA(1).tokenType === t.Assign) {
      this.CONSUME(t.Assign);
      fallback = this.SUBRULE(this.expression);
    }
    return {
      name,
      arrowTo,
      dims,
      indexOf,
      fallback,
      span: spanOver(name.span, spanOf(this.LA(0))),
    };
  });

  readonly parameters: () => Parameter[] = this.RULE("parameters", (): Parameter[] => {
    const parameters: Parameter[] = [];
    this.CONSUME(t.LeftParen);
    while (this.LA(1).tokenType !== t.RightParen) {
      parameters.push(this.SUBRULE(this.parameter));
      if (this.LA(1).tokenType !== t.Comma) break;
      this.CONSUME(t.Comma);
    }
    this.CONSUME(t.RightParen);
    return parameters;
  });
}

const isCallee = (target: Expr | undefined): boolean =>
  target === undefined || target.kind === "name" || target.kind === "member";
