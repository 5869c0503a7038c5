/** Schedules, a rate over `step` (from 0) and `steps`, and folds, a weight over two, as scalar expressions in the plan. */
import type { CallExpr, DefinitionDecl, Expr } from "../../grammar/ast.js";
import { nearest } from "../../grammar/suggest.js";
import type { Scalar } from "../plan.js";
import { matchArguments } from "./elaborate.js";
import type { Library, Located, Outcome } from "./library.js";
import { mistake, outcome } from "./report.js";

type Operation = Exclude<Scalar["op"], "number" | "variable">;
type Names = ReadonlyMap<string, Scalar>;

const number = (value: number): Scalar => ({ op: "number", value });
const variable = (name: string): Scalar => ({ op: "variable", name });

const apply = (op: Operation, ...args: readonly Scalar[]): Scalar => ({ op, args });

const FUNCTIONS: Readonly<Record<string, Operation>> = {
  exp: "exp",
  log: "log",
  sqrt: "sqrt",
  abs: "abs",
  sin: "sin",
  cos: "cos",
  tanh: "tanh",
  floor: "floor",
  min: "min",
  max: "max",
  mod: "mod",
  select: "select",
};

const OPERATORS: Readonly<Record<string, Operation>> = {
  "+": "add",
  "-": "sub",
  "*": "mul",
  of: "mul",
  "/": "div",
  "^": "pow",
  "<": "less",
  "==": "equal",
};

/** What calls stand for that are no arithmetic; null where one is. */
type Called = (call: CallExpr) => Scalar | null;

/** Where there are steps, percentages are of these. */
export const evaluate = (
  file: Located<Expr>["file"],
  names: Names,
  expr: Expr,
  called: Called = () => null,
): Scalar => {
  const inner = (e: Expr): Scalar => evaluate(file, names, e, called);
  switch (expr.kind) {
    case "number":
      return number(expr.value);
    case "quantity": {
      if (expr.unit !== "%") return number(expr.value);
      const steps = names.get("steps");
      const share = number(expr.value / 100);
      return steps === undefined ? share : apply("mul", share, steps);
    }
    case "name":
      return (
        names.get(expr.name) ??
        mistake("unknown-in-library", file, expr.span, {
          name: expr.name,
          near: nearest(expr.name, names.keys()),
        })
      );
    case "unary":
      return apply(expr.op === "not" ? "not" : "neg", inner(expr.operand));
    case "binary": {
      const op = OPERATORS[expr.op];
      if (op !== undefined) return apply(op, inner(expr.left), inner(expr.right));
      if (expr.op === ">") return apply("less", inner(expr.right), inner(expr.left));
      break;
    }
    case "call": {
      const stands = called(expr);
      if (stands !== null) return stands;
      const op = expr.callee.kind === "name" ? FUNCTIONS[expr.callee.name] : undefined;
      if (op !== undefined) return apply(op, ...expr.args.map((arg) => inner(arg.value)));
      break;
    }
    default:
      break;
  }
  return mistake("wrong-value", file, expr.span, { wanted: "arithmetic", found: "something else" });
};

const bind = (
  rate: Located<Expr>,
  { decl, file }: Located<DefinitionDecl>,
  expr: Extract<Expr, { kind: "call" }>,
): Names => {
  const names = new Map<string, Scalar>([
    ["step", variable("step")],
    ["steps", variable("steps")],
  ]);
  const matched = matchArguments(rate.file, decl, expr.args, expr.span);
  for (const parameter of decl.parameters) {
    const given = matched.get(parameter.name.name)?.value;
    const value = given ?? parameter.fallback;
    const where = given === undefined ? file : rate.file;
    if (value === null || value === undefined) continue;
    if (parameter.arrowTo === null) {
      names.set(parameter.name.name, evaluate(where, names, value));
      continue;
    }
    if (value.kind !== "arrow" || value.from === null)
      return mistake("wrong-value", where, value.span, {
        wanted: "`from -> to`",
        found: "one value",
      });
    names.set(parameter.name.name, evaluate(where, names, value.from));
    names.set(parameter.arrowTo.name, evaluate(where, names, value.to));
  }
  return names;
};

/** Assignments in order, then the result. */
export const scalarBody = (
  { decl, file }: Located<DefinitionDecl>,
  given: Names,
  called?: Called,
): Scalar => {
  let names = given;
  for (const line of decl.body.lines)
    if (line.kind === "assign")
      names = new Map(names).set(line.name.name, evaluate(file, names, line.value, called));
  if (decl.body.result === null)
    return mistake("wrong-arguments", file, decl.name.span, {
      reason: `\`${decl.name.name}\` gives no value`,
    });
  return evaluate(file, names, decl.body.result, called);
};

/** The rate that a call of a library schedule stands for. */
export const elaborateSchedule = (rate: Located<Expr>, library: Library): Outcome<Scalar> =>
  outcome(() => {
    const expr = rate.decl;
    if (expr.kind === "number") return number(expr.value);
    const schedules = library.definitions.schedule;
    if (expr.kind !== "call" || expr.callee.kind !== "name")
      return mistake("wrong-value", rate.file, expr.span, {
        wanted: "a schedule",
        found: "something else",
      });
    const { name, span } = expr.callee;
    const definition = schedules.get(name);
    if (definition === undefined)
      return mistake("unknown-in-library", rate.file, span, {
        name,
        near: nearest(name, schedules.keys()),
      });
    return scalarBody(definition, bind(rate, definition, expr));
  });

/** What a `fold` makes of a kept and a cut unit, over the variables "kept" and "cut". */
export const elaborateFold = (definition: Located<DefinitionDecl>): Outcome<Scalar> =>
  outcome(() => {
    const { decl, file } = definition;
    const [kept, cut, more] = decl.parameters;
    if (kept === undefined || cut === undefined || more !== undefined)
      return mistake("wrong-arguments", file, decl.name.span, {
        reason: `\`${decl.name.name}\` takes a kept unit and a cut one`,
      });
    return scalarBody(
      definition,
      new Map([
        [kept.name.name, variable("kept")],
        [cut.name.name, variable("cut")],
      ]),
    );
  });
