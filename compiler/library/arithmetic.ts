/** Operators of library expressions: on numbers at once, on tensors as maps and contractions. */
import type { BinaryExpr, Expr, UnaryExpr } from "../../grammar/ast.js";
import type { Node } from "../ir/tensor.js";
import { building, type Environment, nodeOf } from "./environment.js";
import { mistake } from "./report.js";
import { describeValue, isTrue, numberValue, tensorValue, type Value } from "./value.js";

type Evaluate = (env: Environment, expr: Expr) => Value;

const bool = (value: boolean): Value => numberValue(value ? 1 : 0);

const onNumbers = (op: BinaryExpr["op"], a: number, b: number): number | null => {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
    case "of":
      return a * b;
    case "/":
      return a / b;
    case "^":
      return a ** b;
    case "<":
      return Number(a < b);
    case ">":
      return Number(a > b);
    case "<=":
      return Number(a <= b);
    case ">=":
      return Number(a >= b);
    default:
      return null;
  }
};

const onNodes = (env: Environment, op: BinaryExpr["op"], a: Node, b: Node): Node | null => {
  const { builder } = env;
  const not = (node: Node): Node => builder.unary("not", node);
  switch (op) {
    case "+":
      return builder.binary("add", a, b);
    case "-":
      return builder.binary("sub", a, b);
    case "*":
    case "of":
      return builder.binary("mul", a, b);
    case "/":
      return builder.binary("div", a, b);
    case "^":
      return builder.binary("pow", a, b);
    case "<":
      return builder.binary("less", a, b);
    case ">":
      return builder.binary("less", b, a);
    case "<=":
      return not(builder.binary("less", b, a));
    case ">=":
      return not(builder.binary("less", a, b));
    case "==":
      return builder.binary("equal", a, b);
    case "!=":
      return not(builder.binary("equal", a, b));
    case "and":
      return builder.binary("mul", a, b);
    case "or":
      return builder.binary("max", a, b);
    default:
      return null;
  }
};

const same = (a: Value, b: Value): boolean =>
  a.kind === b.kind && (a.kind === "null" || ("value" in a && "value" in b && a.value === b.value));

/** An absent weight reads as 0, and a contraction with it is 0. */
const contraction = (env: Environment, expr: BinaryExpr, left: Node, right: Node): Value => {
  const shared = left.axes.filter((axis) => right.axes.some((other) => other.name === axis.name));
  if (shared.length === 0)
    return mistake("axes-differ", env.file, expr.span, {
      wants: "two sides that share an axis",
      has: `${describeValue(tensorValue(left))} and ${describeValue(tensorValue(right))}`,
    });
  const names = shared.map((axis) => axis.name);
  return building(env, expr.span, [left, right], () => env.builder.contract(left, right, names));
};

const binary = (env: Environment, expr: BinaryExpr, evaluate: Evaluate): Value => {
  const left = evaluate(env, expr.left);
  if (expr.op === "??") return left.kind === "null" ? evaluate(env, expr.right) : left;
  if (left.kind !== "tensor" && expr.op === "and" && !isTrue(left)) return bool(false);
  if (left.kind !== "tensor" && expr.op === "or" && isTrue(left)) return bool(true);
  const right = evaluate(env, expr.right);
  if (left.kind !== "tensor" && right.kind !== "tensor") {
    if (expr.op === "==" || expr.op === "!=") return bool(same(left, right) === (expr.op === "=="));
    if (expr.op === "and" || expr.op === "or") return bool(isTrue(right));
    if (left.kind === "number" && right.kind === "number") {
      const value = onNumbers(expr.op, left.value, right.value);
      if (value !== null) return numberValue(value);
    }
  }
  const a = nodeOf(env, left, expr.left.span);
  const b = nodeOf(env, right, expr.right.span);
  if (expr.op === ".") return contraction(env, expr, a, b);
  return building(env, expr.span, [a, b], () => {
    const node = onNodes(env, expr.op, a, b);
    return (
      node ??
      mistake("wrong-arguments", env.file, expr.opSpan, {
        reason: `\`${expr.op}\` has no meaning for tensors`,
      })
    );
  });
};

export const arithmetic = (
  env: Environment,
  expr: UnaryExpr | BinaryExpr,
  evaluate: Evaluate,
): Value => {
  if (expr.kind === "binary") return binary(env, expr, evaluate);
  const operand = evaluate(env, expr.operand);
  if (operand.kind !== "tensor" && expr.op === "not") return bool(!isTrue(operand));
  if (operand.kind === "number") return numberValue(-operand.value);
  const node = nodeOf(env, operand, expr.operand.span);
  return tensorValue(env.builder.unary(expr.op === "not" ? "not" : "neg", node));
};
