/** `optimizer adamw(beta: [0.9, 0.95], decay: 0.1, no_decay: vectors, clip: 1.0)`: AdamW (Loshchilov and Hutter, arXiv 1711.05101). */
import type { Argument, CallExpr, Expr } from "../../../grammar/ast.js";
import { nearest } from "../../../grammar/suggest.js";
import type { ModelShape } from "../../library/library.js";
import { evaluate } from "../constant.js";
import { type Context, excerpt, say } from "../context.js";
import type { DistillStep } from "../recipe.js";
import { unitLabel } from "../units.js";

type Optimizer = DistillStep["optimizer"];

const DEFAULTS: Optimizer = { beta: [0.9, 0.95], epsilon: 1e-8, decay: 0, noDecay: [], clip: 1 };
const OPTIMIZERS: readonly string[] = ["adamw"];
const ARGUMENTS: readonly string[] = ["beta", "epsilon", "decay", "no_decay", "clip"];
/** Weights of one dimension in the file: biases, and the scales of norms. */
const VECTORS = "vectors";

interface Bounds {
  readonly takes: string;
  readonly holds: (value: number) => boolean;
}
const MOMENT: Bounds = { takes: "two numbers from 0 to below 1", holds: (v) => v >= 0 && v < 1 };
const POSITIVE: Bounds = { takes: "a number above 0", holds: (v) => v > 0 };
const NOT_NEGATIVE: Bounds = { takes: "a number of at least 0", holds: (v) => v >= 0 };

const numberIn = (context: Context, expr: Expr, name: string, bounds: Bounds): number | null => {
  const value = evaluate(context, expr, context.file);
  if (value === null) return null;
  const what = `\`${name}\``;
  if (typeof value === "string" || value.unit !== "number") {
    const found = typeof value === "string" ? "a text" : unitLabel(value.unit);
    say(context, "unit-mismatch", expr.span, { what, takes: bounds.takes, found });
    return null;
  }
  if (bounds.holds(value.value)) return value.value;
  const found = excerpt(context, expr.span);
  say(context, "value-range", expr.span, { what, takes: bounds.takes, found });
  return null;
};

const momentsIn = (context: Context, expr: Expr): readonly [number, number] | null => {
  const [first, second, more] = expr.kind === "list" ? expr.items : [];
  if (first === undefined || second === undefined || more !== undefined) {
    const found = excerpt(context, expr.span);
    say(context, "value-range", expr.span, { what: "`beta`", takes: MOMENT.takes, found });
    return null;
  }
  const left = numberIn(context, first, "beta", MOMENT);
  const right = numberIn(context, second, "beta", MOMENT);
  return left === null || right === null ? null : [left, right];
};

/** `vectors`, names of the student's weights, or a list of these; without a student, nothing is known of names. */
const weightsIn = (
  context: Context,
  expr: Expr,
  student: ModelShape | null,
): readonly string[] | null => {
  const items = expr.kind === "list" ? expr.items : [expr];
  const names = [...new Set((student?.weights ?? []).map((weight) => weight.name))];
  const known = [VECTORS, ...names];
  const found = items.map((item): readonly string[] | null => {
    const name = item.kind === "name" ? item.name : excerpt(context, item.span);
    if (item.kind === "name" && (student === null || names.includes(name))) return [name];
    if (name === VECTORS)
      return (student?.weights ?? []).filter(({ dims }) => dims.length === 1).map((w) => w.name);
    const near = nearest(name, known);
    say(context, "setting-choice", item.span, { name: "no_decay", found: name, known, near });
    return null;
  });
  return found.includes(null) ? null : [...new Set(found.flatMap((part) => part ?? []))];
};

/** One argument as the part of the optimiser that it sets; null where it is wrong. */
const partOf = (
  context: Context,
  name: string,
  expr: Expr,
  student: ModelShape | null,
): Partial<Optimizer> | null => {
  switch (name) {
    case "no_decay": {
      const noDecay = weightsIn(context, expr, student);
      return noDecay === null ? null : { noDecay };
    }
    case "beta": {
      const beta = momentsIn(context, expr);
      return beta === null ? null : { beta };
    }
    case "clip": {
      if (expr.kind === "name" && expr.name === "none") return { clip: null };
      const clip = numberIn(context, expr, name, POSITIVE);
      return clip === null ? null : { clip };
    }
    case "epsilon": {
      const epsilon = numberIn(context, expr, name, POSITIVE);
      return epsilon === null ? null : { epsilon };
    }
    default: {
      const decay = numberIn(context, expr, name, NOT_NEGATIVE);
      return decay === null ? null : { decay };
    }
  }
};

const argumentOf = (
  context: Context,
  argument: Argument,
  seen: Set<string>,
  student: ModelShape | null,
): Partial<Optimizer> | null => {
  const name = argument.name?.name ?? excerpt(context, argument.span);
  const span = argument.name?.span ?? argument.span;
  if (argument.name === null || !ARGUMENTS.includes(name)) {
    const near = argument.name === null ? null : nearest(name, ARGUMENTS);
    say(context, "unknown-setting", span, { name, stage: "adamw", near, known: ARGUMENTS });
    return null;
  }
  if (seen.has(name)) say(context, "duplicate-setting", span, { name });
  seen.add(name);
  return partOf(context, name, argument.value, student);
};

const merge = (context: Context, call: CallExpr, student: ModelShape | null): Optimizer | null => {
  const seen = new Set<string>();
  const parts = call.args.map((argument) => argumentOf(context, argument, seen, student));
  if (parts.includes(null)) return null;
  return Object.assign({ ...DEFAULTS }, ...parts) as Optimizer;
};

/** The optimiser of a `distill`; null where it is wrong, the default where none is written. */
export const optimizerOf = (
  context: Context,
  expr: Expr | null,
  student: ModelShape | null,
): Optimizer | null => {
  if (expr === null) return DEFAULTS;
  const callee = expr.kind === "call" ? expr.callee : expr;
  if (callee.kind === "name" && OPTIMIZERS.includes(callee.name))
    return expr.kind === "call" ? merge(context, expr, student) : DEFAULTS;
  const found = excerpt(context, callee.span);
  const near = nearest(found, OPTIMIZERS);
  const parameters = { name: "optimizer", found, known: OPTIMIZERS, near };
  say(context, "setting-choice", callee.span, parameters);
  return null;
};
