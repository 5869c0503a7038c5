/**
 * `expect { … }`: conditions over `params(MODEL)` and the metrics of evaluated models. What is known before the run
 * is decided here.
 */
import type { BinaryExpr, BinaryOp, CallExpr, ExpectDecl, Expr } from "../../../grammar/ast.js";
import { nearest } from "../../../grammar/suggest.js";
import type { ExpectStage, Scalar } from "../../plan.js";
import { evaluate } from "../constant.js";
import { type Context, excerpt, say } from "../context.js";
import { type Arithmetic, combine, type Quantity, type UnitKind, unitLabel } from "../units.js";
import { one } from "./one-model.js";

type Condition = ExpectStage["conditions"][number];
type Relation = Condition["relation"];

const RELATIONS = ["<=", ">=", "<", ">", "==", "!="] as const satisfies readonly Relation[];
const OPERATIONS = { "+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow" } as const;

/** A side of a condition: what to compute after the run, and its value where that is known before. */
interface Side {
  readonly scalar: Scalar;
  readonly unit: UnitKind;
  readonly known: number | null;
}

const constant = ({ value, unit }: Quantity): Side => ({
  scalar: { op: "number", value },
  unit,
  known: value,
});

const arithmetic = (op: BinaryOp): Arithmetic | null => {
  if (op === "of") return "*";
  return Object.keys(OPERATIONS).find((known): known is Arithmetic => known === op) ?? null;
};

const noValue = (context: Context, expr: Expr): null => {
  const found = `\`${excerpt(context, expr.span)}\``;
  say(context, "condition-value", expr.span, { found });
  return null;
};

/** `params(MODEL)` or `METRIC(MODEL)`. */
const measure = (context: Context, call: CallExpr): Side | null => {
  const [argument, more] = call.args;
  const model = argument?.value;
  if (call.callee.kind !== "name" || model?.kind !== "name" || more !== undefined)
    return noValue(context, call);
  const measured = call.callee.name;
  const known = ["params", ...context.library.definitions.metric.keys()];
  if (!known.includes(measured)) {
    const near = nearest(measured, known);
    say(context, "unknown-measure", call.callee.span, { name: measured, near, known });
    return null;
  }
  const entry = one(context, model);
  if (entry === null) return null;
  const name = `${measured}(${model.name})`;
  const scalar: Scalar = { op: "variable", name };
  if (measured === "params") return { scalar, unit: "params", known: entry.shape.parameters };
  if (context.measured.has(name)) return { scalar, unit: "number", known: null };
  if (!context.unread.evaluations)
    say(context, "not-evaluated", call.span, { metric: measured, model: model.name });
  return null;
};

const join = (context: Context, expr: BinaryExpr): Side | null => {
  const op = arithmetic(expr.op);
  if (op === null) return noValue(context, expr);
  const left = side(context, expr.left);
  const right = side(context, expr.right);
  if (left === null || right === null) return null;
  // Units do not depend on values: what is not known yet joins as 1.
  const joined = combine(
    op,
    { unit: left.unit, value: left.known ?? 1 },
    { unit: right.unit, value: right.known ?? 1 },
  );
  if (joined === null) {
    const parameters = { left: unitLabel(left.unit), right: unitLabel(right.unit) };
    say(context, "unit-mixed", expr.opSpan, { op: expr.op, ...parameters });
    return null;
  }
  const known = left.known === null || right.known === null ? null : joined.value;
  const scalar: Scalar = { op: OPERATIONS[op], args: [left.scalar, right.scalar] };
  return { scalar, unit: joined.unit, known };
};

const side = (context: Context, expr: Expr): Side | null => {
  if (expr.kind === "call") return measure(context, expr);
  if (expr.kind === "binary") return join(context, expr);
  if (expr.kind === "unary" && expr.op === "-") {
    const operand = side(context, expr.operand);
    if (operand === null) return null;
    const known = operand.known === null ? null : -operand.known;
    return { scalar: { op: "neg", args: [operand.scalar] }, unit: operand.unit, known };
  }
  if (expr.kind !== "number" && expr.kind !== "quantity" && expr.kind !== "name")
    return noValue(context, expr);
  const value = evaluate(context, expr, context.file);
  if (typeof value === "string") return noValue(context, expr);
  return value === null ? null : constant(value);
};

const holds = (left: number, relation: Relation, right: number): boolean => {
  switch (relation) {
    case "<=":
      return left <= right;
    case ">=":
      return left >= right;
    case "<":
      return left < right;
    case ">":
      return left > right;
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    default:
      return relation satisfies never;
  }
};

/** `params(x) <= 2M` means params: a plain number takes the other side's unit. */
const comparable = (left: UnitKind, right: UnitKind): boolean =>
  left === right || left === "number" || right === "number";

const conditionOf = (context: Context, expr: Expr): Condition | null => {
  const relation =
    expr.kind === "binary" ? RELATIONS.find((known) => known === expr.op) : undefined;
  if (expr.kind !== "binary" || relation === undefined) {
    say(context, "condition-shape", expr.span, { found: `\`${excerpt(context, expr.span)}\`` });
    return null;
  }
  const left = side(context, expr.left);
  const right = side(context, expr.right);
  if (left === null || right === null) return null;
  if (!comparable(left.unit, right.unit)) {
    const parameters = { left: unitLabel(left.unit), right: unitLabel(right.unit) };
    say(context, "unit-mixed", expr.opSpan, { op: expr.op, ...parameters });
    return null;
  }
  const text = excerpt(context, expr.span);
  if (left.known !== null && right.known !== null && !holds(left.known, relation, right.known)) {
    const parameters = { left: left.known, relation, right: right.known };
    say(context, "budget-unmet", expr.span, parameters);
  }
  return { text, left: left.scalar, relation, right: right.scalar };
};

export const checkExpect = (context: Context, decl: ExpectDecl): void => {
  const conditions = decl.conditions.map((condition) => conditionOf(context, condition));
  const good = conditions.filter((condition) => condition !== null);
  if (good.length > 0) context.steps.push({ kind: "expect", conditions: good });
};
