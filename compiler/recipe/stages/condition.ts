/** `within …` of a search: conditions over a candidate's `params`, `flops` and axes, read once and asked of each. */
import type { BinaryExpr, Expr } from "../../../grammar/ast.js";
import { evaluate } from "../constant.js";
import { type Context, excerpt, say } from "../context.js";
import { one } from "./one-model.js";

/** What a candidate is asked: `params`, `flops` (of a token) and the sizes of axes. */
export interface Asked {
  readonly params: number;
  readonly flops: () => number;
  readonly sizes: ReadonlyMap<string, number>;
}

type Amount = (asked: Asked) => number;
export type Condition = (asked: Asked) => boolean;

interface Reading {
  readonly context: Context;
  readonly axes: ReadonlySet<string>;
  /** FLOPs of a token of a model that the recipe names. */
  readonly flopsOf: (model: string) => number;
}

const wrong = ({ context }: Reading, expr: Expr): null => {
  const found = `\`${excerpt(context, expr.span)}\``;
  say(context, "condition-value", expr.span, { found });
  return null;
};

const constant = (reading: Reading, expr: Expr): Amount | null => {
  const value = evaluate(reading.context, expr, reading.context.file);
  if (value === null) return null;
  if (typeof value === "string") return wrong(reading, expr);
  return () => value.value;
};

/** `params(MODEL)`, `flops(MODEL)`, `mod(a, b)`. */
const called = (reading: Reading, expr: Extract<Expr, { kind: "call" }>): Amount | null => {
  const name = expr.callee.kind === "name" ? expr.callee.name : "";
  const [first, second, more] = expr.args.map(({ value }) => value);
  if (name === "mod" && first !== undefined && second !== undefined && more === undefined) {
    const [a, b] = [amount(reading, first), amount(reading, second)];
    return a === null || b === null ? null : (asked) => a(asked) % b(asked);
  }
  if (first?.kind !== "name" || second !== undefined) return wrong(reading, expr);
  if (name !== "params" && name !== "flops") return wrong(reading, expr);
  const model = one(reading.context, first);
  if (model === null) return null;
  const value = name === "params" ? model.shape.parameters : reading.flopsOf(first.name);
  return () => value;
};

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  of: (a, b) => a * b,
  "/": (a, b) => a / b,
};

/** A number that follows from a candidate; null after saying why an expression is none. */
const amount = (reading: Reading, expr: Expr): Amount | null => {
  if (expr.kind === "name" && reading.axes.has(expr.name))
    return ({ sizes }) => sizes.get(expr.name) ?? Number.NaN;
  if (expr.kind === "name" && expr.name === "params") return ({ params }) => params;
  if (expr.kind === "name" && expr.name === "flops") return ({ flops }) => flops();
  if (expr.kind === "call") return called(reading, expr);
  const apply = expr.kind === "binary" ? ARITHMETIC[expr.op] : undefined;
  if (expr.kind !== "binary" || apply === undefined) return constant(reading, expr);
  const [a, b] = [amount(reading, expr.left), amount(reading, expr.right)];
  return a === null || b === null ? null : (asked) => apply(a(asked), b(asked));
};

const RELATIONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

/** `params == 4B ± 5%`: within so much of the middle. */
const near = (reading: Reading, expr: BinaryExpr, around: BinaryExpr): Condition | null => {
  const value = amount(reading, expr.left);
  const [middle, spread] = [amount(reading, around.left), amount(reading, around.right)];
  if (value === null || middle === null || spread === null) return null;
  const share = around.right.kind === "quantity" && around.right.unit === "%";
  return (asked) => {
    const at = middle(asked);
    return Math.abs(value(asked) - at) <= spread(asked) * (share ? at : 1);
  };
};

/** The condition of an expression; null after saying what is wrong with it. */
export const conditionOf = (reading: Reading, expr: Expr): Condition | null => {
  if (expr.kind === "binary" && (expr.op === "and" || expr.op === "or")) {
    const [a, b] = [conditionOf(reading, expr.left), conditionOf(reading, expr.right)];
    if (a === null || b === null) return null;
    return expr.op === "and" ? (asked) => a(asked) && b(asked) : (asked) => a(asked) || b(asked);
  }
  const holds = expr.kind === "binary" ? RELATIONS[expr.op] : undefined;
  if (expr.kind !== "binary" || holds === undefined) {
    const found = `\`${excerpt(reading.context, expr.span)}\``;
    say(reading.context, "condition-shape", expr.span, { found });
    return null;
  }
  if (expr.op === "==" && expr.right.kind === "binary" && expr.right.op === "±")
    return near(reading, expr, expr.right);
  const [a, b] = [amount(reading, expr.left), amount(reading, expr.right)];
  return a === null || b === null ? null : (asked) => holds(a(asked), b(asked));
};
