/**
 * `params 60%` in a `prune`: one budget for the whole model. The axes without a target of their own are all kept to one
 * and the same share of their size, the largest at which the model has no more parameters than that. A share of an axis is
 * rounded down to whole units (to multiples of its `step`), and at least one stays.
 */
import type { Name, Statement } from "../../../grammar/ast.js";
import { parametersAt } from "../../library/parameters.js";
import type { Cut } from "../../plan.js";
import { evaluate } from "../constant.js";
import { type Context, say } from "../context.js";
import { wholeQuantity } from "../settings.js";
import { unitLabel } from "../units.js";
import { axisNamed } from "./axis.js";
import { type Source, unitsTogether } from "./targets.js";

/** An axis that may shrink to fit the budget, by so many units at a time. */
export interface FreeAxis {
  readonly axis: string;
  readonly size: number;
  readonly step: number;
}

const BUDGET = "params";

/** Whether a line is the budget: an axis of that name would be cut like any other. */
export const isBudget = ({ heads }: Statement, { shape }: Source): boolean =>
  heads[0]?.name === BUDGET && shape.axes.every(({ name }) => name !== BUDGET);

/** A line without a target: `hidden, mlp` or `mlp step 16`. */
export const isFree = ({ items }: Statement): boolean =>
  items.length === 0 || (items[0]?.kind === "name" && items[0].name === "step");

/** The axis of such a line; null after saying what is wrong with it. */
export const freeAxis = (
  context: Context,
  source: Source,
  head: Name,
  line: Statement,
): FreeAxis | null => {
  const axis = axisNamed(context, head, source.model, source.shape);
  const [, item, more] = line.items;
  if (more !== undefined || (line.items.length > 0 && item === undefined)) {
    const example = `${head.name} step 16`;
    say(context, "setting-form", line.span, { name: head.name, takes: "a step", example });
    return null;
  }
  const step =
    item === undefined ? { value: 1 } : wholeQuantity(context, item, "`step`", ["number"]);
  if (axis === null || step === null) return null;
  const together = unitsTogether(source.shape, axis.name);
  const odd = step.value % together !== 0;
  return { axis: axis.name, size: axis.size, step: odd ? step.value * together : step.value };
};

/** What a budget's line allows; null after saying why that is no number of parameters. */
const allowedBy = (context: Context, source: Source, line: Statement): number | null => {
  const [item, more] = line.items;
  const expr = item?.kind === "arrow" && item.from === null ? item.to : item;
  if (expr === undefined || more !== undefined || line.heads.length > 1) {
    const example = `${BUDGET} 60%`;
    say(context, "setting-form", line.span, { name: BUDGET, takes: "one budget", example });
    return null;
  }
  const value = evaluate(context, expr, context.file);
  if (value === null) return null;
  if (typeof value !== "string" && value.unit === "ratio")
    return Math.floor(Number((value.value * source.parameters).toPrecision(12)));
  if (typeof value !== "string" && (value.unit === "params" || value.unit === "number"))
    return value.value;
  say(context, "unit-mismatch", expr.span, {
    what: `\`${BUDGET}\``,
    takes: "params or a percentage",
    found: typeof value === "string" ? "a text" : unitLabel(value.unit),
  });
  return null;
};

const sizeAt = ({ size, step }: FreeAxis, share: number): number => {
  if (share >= 1) return size;
  // 2/3 of 3 is 2, however the quotient was rounded.
  const steps = Math.floor(Number(((share * size) / step).toPrecision(12)));
  return Math.min(size, Math.max(1, steps) * step);
};

/** Every share at which one of the axes changes its size, ascending. */
const sharesOf = (axes: readonly FreeAxis[]): readonly number[] => {
  const shares = axes.flatMap(({ size, step }) =>
    Array.from({ length: Math.floor(size / step) }, (_, i) => ((i + 1) * step) / size),
  );
  return [...new Set([...shares, 1])].sort((a, b) => a - b);
};

/** The last share of `shares` at which the model fits; fewer units are never more parameters. */
const largestThat = (
  shares: readonly number[],
  fits: (share: number) => boolean,
): number | null => {
  let [low, high] = [0, shares.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (fits(shares[middle] ?? 0)) low = middle + 1;
    else high = middle;
  }
  return shares[low - 1] ?? null;
};

/** The cuts of the free axes for the budget; null in the place of all where there are none. */
export const budgeted = (
  context: Context,
  source: Source,
  line: Statement,
  cuts: readonly (Cut | null)[],
  axes: readonly FreeAxis[],
): (Cut | null)[] => {
  const allowed = allowedBy(context, source, line);
  if (allowed === null) return [null];
  const span = line.heads[0]?.span ?? line.span;
  if (axes.length === 0) {
    say(context, "budget-unused", span, {});
    return [null];
  }
  const stated = cuts.flatMap((cut) => (cut === null ? [] : [[cut.axis, cut.keep] as const]));
  const at = (share: number): ReadonlyMap<string, number> =>
    new Map([...stated, ...axes.map((free) => [free.axis, sizeAt(free, share)] as const)]);
  const shares = sharesOf(axes);
  const share = largestThat(shares, (s) => parametersAt(source.shape, at(s)) <= allowed);
  if (share === null) {
    const least = parametersAt(source.shape, at(shares[0] ?? 1));
    const names = axes.map(({ axis }) => axis);
    say(context, "budget-unreachable", span, { axes: names, allowed, least });
    return [null];
  }
  return axes.map((free) => ({ axis: free.axis, from: free.size, keep: sizeAt(free, share) }));
};
