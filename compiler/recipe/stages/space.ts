/**
 * The shapes of a search: every choice of sizes of its axes, in the order of their lines, the last the fastest. A line is a
 * range (`64..128 step 32`), a list or one size; names of axes on lines above stand for their sizes (`mlp 4 * hidden`).
 */
import type { Expr, Statement } from "../../../grammar/ast.js";
import type { ModelShape } from "../../library/library.js";
import { evaluate } from "../constant.js";
import { type Context, say } from "../context.js";
import { mapExpressions } from "../rewrite.js";
import { axisNamed, isTapped } from "./axis.js";
import { type Source, unitsTogether } from "./targets.js";

/** Choices looked at in all; more are not a grid that anyone means. */
const MOST_CHOICES = 1_000_000;

export interface Line {
  readonly axis: string;
  readonly values: Expr;
}

export type Sizes = ReadonlyMap<string, number>;

/** The axis of each line; null after saying what is wrong with one. */
export const linesOf = (
  context: Context,
  source: Source,
  statements: readonly Statement[],
): readonly Line[] | null => {
  const lines = statements.flatMap((statement) =>
    statement.heads.map((head): Line | null => {
      const [values, more] = statement.items;
      const axis = axisNamed(context, head, source.model, source.shape);
      if (values === undefined || more !== undefined) {
        const example = `${head.name} 64..128 step 32`;
        say(context, "setting-form", statement.span, { name: head.name, takes: "sizes", example });
        return null;
      }
      if (axis === null || !isTapped(context, head, source.model, source.shape)) return null;
      return { axis: axis.name, values };
    }),
  );
  const good = lines.filter((line) => line !== null);
  return good.length === lines.length ? good : null;
};

/** The expression with numbers in the place of axes already chosen. */
const filled = (expr: Expr, sizes: Sizes): Expr =>
  mapExpressions(expr, (inner) => {
    const size = inner.kind === "name" ? sizes.get(inner.name) : undefined;
    return size === undefined
      ? inner
      : { kind: "number", value: size, text: String(size), span: inner.span };
  });

/** A size as written: a number, or a share of the axis rounded down to units that stay together. */
const sizeOf = (context: Context, expr: Expr, whole: number, together: number): number | null => {
  const value = evaluate(context, expr, context.file);
  if (value === null) return null;
  if (typeof value !== "string" && value.unit === "number") return value.value;
  if (typeof value !== "string" && value.unit === "ratio")
    return Math.floor(Number(((value.value * whole) / together).toPrecision(12))) * together;
  say(context, "unit-mismatch", expr.span, {
    what: "a size",
    takes: "a number of units or a percentage",
    found: "something else",
  });
  return null;
};

/** The sizes that a line stands for where the lines above have these; null after saying what is wrong. */
const valuesOf = (
  context: Context,
  { shape }: Source,
  { axis, values }: Line,
  chosen: Sizes,
): readonly number[] | null => {
  const whole = shape.axes.find(({ name }) => name === axis)?.size ?? 0;
  const together = unitsTogether(shape, axis);
  const expr = filled(values, chosen);
  const read = (item: Expr): number | null => sizeOf(context, item, whole, together);
  if (expr.kind === "range") {
    const [from, to] = [read(expr.from), read(expr.to)];
    const step = expr.step === null ? together : read(expr.step);
    if (from === null || to === null || step === null || step <= 0) return null;
    const count = Math.max(0, Math.floor((to - from) / step + 1e-9) + 1);
    return Array.from({ length: count }, (_, i) => from + i * step);
  }
  const items = expr.kind === "list" ? expr.items.map(read) : [read(expr)];
  return items.includes(null) ? null : items.filter((size) => size !== null);
};

/** Whether so many units of an axis may stay: candidates that are no shapes are left out. */
const possible = (shape: ModelShape, axis: string, size: number): boolean => {
  const whole = shape.axes.find(({ name }) => name === axis)?.size ?? 0;
  return (
    Number.isInteger(size) && size >= 1 && size <= whole && size % unitsTogether(shape, axis) === 0
  );
};

/** Every choice; null after saying what is wrong with a line, or that there are too many. */
export const choicesOf = (
  context: Context,
  source: Source,
  lines: readonly Line[],
): readonly Sizes[] | null => {
  let choices: Sizes[] = [new Map()];
  for (const line of lines) {
    const next: Sizes[] = [];
    for (const chosen of choices) {
      const values = valuesOf(context, source, line, chosen);
      if (values === null) return null;
      for (const size of new Set(values))
        if (possible(source.shape, line.axis, size))
          next.push(new Map(chosen).set(line.axis, size));
      if (next.length > MOST_CHOICES) {
        say(context, "search-wide", line.values.span, { count: next.length, most: MOST_CHOICES });
        return null;
      }
    }
    choices = next;
  }
  return choices;
};
