/** Constant expressions: `param` and `let`, and the numbers of settings, evaluated with their units. */
import type { BinaryExpr, Expr, Name, SourceFile } from "../../grammar/ast.js";
import { nearest } from "../../grammar/suggest.js";
import type { Report } from "./report.js";
import { mapExpressions } from "./rewrite.js";
import type { Scope, Value } from "./scope.js";
import {
  type Arithmetic,
  combine,
  quantityOf,
  unitLabel,
  unitNames,
  writtenUnit,
} from "./units.js";

export interface ConstantContext {
  readonly report: Report;
  readonly scope: Scope;
}

const ARITHMETIC: ReadonlySet<string> = new Set(["+", "-", "*", "/", "^"] satisfies Arithmetic[]);
const isArithmetic = (op: string): op is Arithmetic => ARITHMETIC.has(op);

const excerpt = (file: SourceFile, expr: Expr): string =>
  `\`${file.text.slice(expr.span.start, expr.span.end)}\``;

const called = (value: Value): string =>
  typeof value === "string" ? "a text" : unitLabel(value.unit);

/** The value of a declared constant; evaluated once, on first use. `trail` are the constants being evaluated. */
const constantNamed = (
  context: ConstantContext,
  name: Name,
  file: SourceFile,
  trail: readonly string[],
): Value | null => {
  const { scope, report } = context;
  const declared = scope.declared.get(name.name);
  if (declared === undefined || declared.kind !== "constant" || declared.value === null)
    return scope.find("constant", name, file);
  const known = scope.peek("constant", name.name);
  if (known !== undefined) return known;
  if (trail.includes(name.name)) {
    report.say("constant-cycle", file, name.span, { name: name.name });
    return null;
  }
  const value = evaluate(context, declared.value, declared.file, [...trail, name.name]);
  scope.define("constant", name.name, value);
  return value;
};

const binary = (
  context: ConstantContext,
  expr: BinaryExpr,
  file: SourceFile,
  trail: readonly string[],
): Value | null => {
  // `60% of budget` multiplies.
  const op = expr.op === "of" ? "*" : expr.op;
  if (!isArithmetic(op)) {
    context.report.say("not-constant", file, expr.span, { what: excerpt(file, expr) });
    return null;
  }
  const left = evaluate(context, expr.left, file, trail);
  const right = evaluate(context, expr.right, file, trail);
  if (left === null || right === null) return null;
  const joined =
    typeof left === "string" || typeof right === "string" ? null : combine(op, left, right);
  if (joined === null)
    context.report.say("unit-mixed", file, expr.span, {
      op: expr.op,
      left: called(left),
      right: called(right),
    });
  return joined;
};

/** The value of a constant expression, or null after saying why there is none. */
export const evaluate = (
  context: ConstantContext,
  expr: Expr,
  file: SourceFile,
  trail: readonly string[] = [],
): Value | null => {
  switch (expr.kind) {
    case "number":
      return { value: expr.value, unit: "number" };
    case "quantity": {
      const quantity = quantityOf(expr.value, expr.unit);
      if (quantity === null)
        context.report.say("unknown-unit", file, expr.unitSpan, {
          unit: expr.unit,
          near: nearest(expr.unit, unitNames),
          known: unitNames,
        });
      return quantity;
    }
    case "string":
      return expr.value;
    case "name":
      return constantNamed(context, expr, file, trail);
    case "unary": {
      const value = expr.op === "-" ? evaluate(context, expr.operand, file, trail) : null;
      if (expr.op === "-" && value === null) return null;
      if (value !== null && typeof value !== "string") return { ...value, value: -value.value };
      break;
    }
    case "binary":
      return binary(context, expr, file, trail);
    case "list":
    case "member":
    case "index":
    case "call":
    case "arrow":
    case "range":
      break;
    default:
      return expr satisfies never;
  }
  context.report.say("not-constant", file, expr.span, { what: excerpt(file, expr) });
  return null;
};

const literal = (value: Value, name: Name): Expr => {
  if (typeof value === "string") return { kind: "string", value, span: name.span };
  const unit = writtenUnit(value.unit);
  const text = name.name;
  if (unit === null) return { kind: "number", value: value.value, text, span: name.span };
  const written = value.unit === "ratio" ? value.value * 100 : value.value;
  return { kind: "quantity", value: written, unit, text, unitSpan: name.span, span: name.span };
};

/** The expression with constants in the place of their names, for the library, which knows nothing of the recipe's names. */
export const bindConstants = (context: ConstantContext, expr: Expr, file: SourceFile): Expr =>
  mapExpressions(expr, (inner) => {
    if (inner.kind !== "name" || context.scope.declared.get(inner.name)?.kind !== "constant")
      return inner;
    const value = constantNamed(context, inner, file, []);
    return value === null ? inner : literal(value, inner);
  });
