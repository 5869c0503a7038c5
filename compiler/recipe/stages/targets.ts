/** What a line of `prune` says of an axis: how many units stay (`hidden 128 -> 96`, `mlp -> 66%`), counted per group. */
import type { Expr, Name, Statement } from "../../../grammar/ast.js";
import type { Span } from "../../../grammar/span.js";
import type { Axis } from "../../ir/tensor.js";
import type { ModelShape } from "../../library/library.js";
import type { Cut } from "../../plan.js";
import { evaluate } from "../constant.js";
import { type Context, excerpt, say } from "../context.js";
import { unitLabel } from "../units.js";
import { axisNamed, keyOf } from "./axis.js";
import { namedUnits } from "./named-units.js";

export interface Source {
  readonly model: string;
  readonly shape: ModelShape;
  /** Of the model as it is: the shape may have room for more. */
  readonly parameters: number;
}

interface Size {
  readonly value: number;
  readonly span: Span;
}

/** The least number of units of which a share is a whole number of pairs; of the sizes that an axis may have, all are multiples. */
const togetherAt = (share: number, size: number): number => {
  for (let units = 2; units < size; units++) {
    const pairs = Number(((share * units) / 2).toPrecision(12));
    if (Number.isInteger(pairs) && pairs > 0) return units;
  }
  return size;
};

/** Units of which a number that stays is a multiple. */
export const unitsTogether = ({ paired, axes }: ModelShape, axis: string): number => {
  const share = paired.get(axis)?.share;
  const size = axes.find(({ name }) => name === axis)?.size ?? 1;
  return share === undefined ? 1 : togetherAt(share, size);
};

/** A count, or a share of the axis rounded down to units that stay together. */
const sizeIn = (context: Context, expr: Expr, axis: Axis, together: number): Size | null => {
  const value = evaluate(context, expr, context.file);
  if (value === null) return null;
  if (typeof value !== "string" && (value.unit === "number" || value.unit === "ratio")) {
    // 66% of 300 is 198, not 197: products of decimals are rounded before they are cut off.
    const share = Number((value.value * axis.size).toPrecision(12));
    const units = Math.floor(share / together) * together;
    return { value: value.unit === "ratio" ? units : value.value, span: expr.span };
  }
  say(context, "unit-mismatch", expr.span, {
    what: `\`${axis.name}\``,
    takes: "a number of units or a percentage",
    found: typeof value === "string" ? "a text" : unitLabel(value.unit),
  });
  return null;
};

/** The axes that hold a set of their own of this axis's units, such as the groups of attention heads. */
const groupsOf = (shape: ModelShape, axis: Axis): { names: string; count: number } => {
  const groups = (shape.along.get(axis.name) ?? []).filter((a) => a.name !== shape.layerAxis);
  return {
    names: groups.map((group) => group.name).join(" "),
    count: groups.reduce((count, group) => count * group.size, 1),
  };
};

/** Where all groups were counted together, says what to write; false if that is not what happened. */
const reportGrouping = (
  context: Context,
  { shape }: Source,
  axis: Axis,
  from: Size,
  to: Size,
): boolean => {
  const { names, count } = groupsOf(shape, axis);
  if (count === 1 || from.value !== count * axis.size) return false;
  const each = to.value / count;
  const near = Number.isInteger(each) ? [each] : [Math.floor(each), Math.ceil(each)];
  const targets = near.filter((t) => t >= 1 && t <= axis.size);
  const divides = Number.isInteger(each);
  const span = divides ? { start: from.span.start, end: to.span.end } : to.span;
  const [target] = targets;
  const fix =
    divides && target !== undefined
      ? { fix: { span, replacement: `${axis.size} -> ${target}` } }
      : {};
  say(
    context,
    "group-divides",
    span,
    {
      axis: axis.name,
      groups: names,
      count,
      from: from.value,
      to: to.value,
      size: axis.size,
      targets: targets.length > 0 ? targets : [axis.size],
    },
    fix,
  );
  return true;
};

const reportMismatch = (context: Context, source: Source, axis: Axis, from: Size, to: Size) => {
  const { model, shape } = source;
  const span = { start: from.span.start, end: to.span.start };
  say(
    context,
    "size-mismatch",
    from.span,
    {
      axis: axis.name,
      model,
      is: axis.size,
      stated: from.value,
      to: excerpt(context, to.span),
      key: keyOf(shape, axis),
    },
    { fix: { span, replacement: "-> " } },
  );
};

/** Whether so many units may stay. */
const checkTarget = (context: Context, source: Source, axis: Axis, to: Size): boolean => {
  const together = unitsTogether(source.shape, axis.name);
  const parameters = {
    axis: axis.name,
    model: source.model,
    is: axis.size,
    to: to.value,
    together,
  };
  if (to.value < 1) say(context, "target-empty", to.span, parameters);
  else if (!Number.isInteger(to.value)) say(context, "target-fraction", to.span, parameters);
  else if (to.value > axis.size) say(context, "target-grows", to.span, parameters);
  else if (to.value % together !== 0) say(context, "target-unpaired", to.span, parameters);
  else return true;
  return false;
};

/** The two sides of a line: `128 -> 96`, `-> 96`, or the target alone. */
const sidesOf = (context: Context, line: Statement): { from: Expr | null; to: Expr } | null => {
  const [item, more] = line.items;
  if (item !== undefined && more === undefined)
    return item.kind === "arrow" ? item : { from: null, to: item };
  const name = line.heads[0]?.name ?? "";
  const example = `${name} -> 75%`;
  say(context, "setting-form", line.span, { name, takes: "a target", example });
  return null;
};

/** The cut of a line with a target; null after saying what is wrong with it. */
export const cutOf = (
  context: Context,
  source: Source,
  head: Name,
  line: Statement,
): Cut | null => {
  const axis = axisNamed(context, head, source.model, source.shape);
  const sides = sidesOf(context, line);
  if (axis === null || sides === null) return null;
  const together = unitsTogether(source.shape, axis.name);
  const from = sides.from === null ? null : sizeIn(context, sides.from, axis, together);
  // A list without an arrow would be one of sizes, as a search has it.
  const list = line.items[0]?.kind === "arrow" && sides.to.kind === "list" ? sides.to : null;
  const units = list === null ? null : namedUnits(context, source, axis, list);
  if (list !== null && units === null) return null;
  const to =
    units === null
      ? sizeIn(context, sides.to, axis, together)
      : { value: units.length, span: sides.to.span };
  if (to === null || (from === null && sides.from !== null)) return null;
  if (from !== null && from.value !== axis.size) {
    if (reportGrouping(context, source, axis, from, to)) return null;
    reportMismatch(context, source, axis, from, to);
    checkTarget(context, source, axis, to);
    return null;
  }
  if (!checkTarget(context, source, axis, to)) return null;
  const cut = { axis: axis.name, from: axis.size, keep: to.value };
  return units === null ? cut : { ...cut, units };
};
