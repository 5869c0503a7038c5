/** Layers that a line of `prune` names one by one, those that stay: `layer -> [0..3, 5]`, counted from 0. */
import type { Expr } from "../../../grammar/ast.js";
import type { Span } from "../../../grammar/span.js";
import type { Axis } from "../../ir/tensor.js";
import type { ModelShape } from "../../library/library.js";
import { evaluate } from "../constant.js";
import { type Context, excerpt, say } from "../context.js";

interface Source {
  readonly model: string;
  readonly shape: ModelShape;
}

type ListExpr = Extract<Expr, { kind: "list" }>;

/** A unit, and where the list names it. */
interface Named {
  readonly unit: number;
  readonly span: Span;
}

/** The number of a unit; null after saying that it is none. */
const unitIn = (context: Context, { model }: Source, axis: Axis, expr: Expr): number | null => {
  const value = evaluate(context, expr, context.file);
  if (value === null) return null;
  const unit = typeof value !== "string" && value.unit === "number" ? value.value : Number.NaN;
  if (Number.isInteger(unit) && unit >= 0 && unit < axis.size) return unit;
  const found = excerpt(context, expr.span);
  say(context, "unit-unknown", expr.span, { axis: axis.name, model, is: axis.size, found });
  return null;
};

/** What an item names: a unit, or all from one to another. */
const namedBy = (
  context: Context,
  source: Source,
  axis: Axis,
  item: Expr,
): readonly Named[] | null => {
  const { span } = item;
  const ends = item.kind === "range" ? [item.from, item.to] : [item, item];
  const [from, to] = ends.map((end) => unitIn(context, source, axis, end));
  if (from === undefined || to === undefined || from === null || to === null) return null;
  return Array.from({ length: Math.max(1, to - from + 1) }, (_, at) => ({ unit: from + at, span }));
};

/** The units of a list in ascending order; null after saying what is wrong with it. */
export const namedUnits = (
  context: Context,
  source: Source,
  axis: Axis,
  { items, span }: ListExpr,
): readonly number[] | null => {
  if (axis.name !== source.shape.layerAxis) {
    say(context, "units-axis", span, { axis: axis.name, layers: source.shape.layerAxis });
    return null;
  }
  const named = items.map((item) => namedBy(context, source, axis, item));
  if (named.includes(null)) return null;
  const all = named.flatMap((some) => some ?? []);
  const wrong = all.find(({ unit }, at) => at > 0 && unit <= (all[at - 1]?.unit ?? -1));
  if (wrong !== undefined) {
    say(context, "units-order", wrong.span, { axis: axis.name, unit: wrong.unit });
    return null;
  }
  return all.map(({ unit }) => unit);
};
