/** `prune NAME from MODEL using SCORES`: how many units of each axis stay (`hidden 128 -> 96`, `mlp -> 66%`). */
import type { Expr, Name, StageDecl, Statement } from "../../../grammar/ast.js";
import type { Span } from "../../../grammar/span.js";
import type { Axis } from "../../ir/tensor.js";
import type { ModelShape } from "../../library/library.js";
import { nameIn, readClauses } from "../clauses.js";
import { evaluate } from "../constant.js";
import { type Context, excerpt, find, passOn, say } from "../context.js";
import { label } from "../report.js";
import type { ScoreEntry } from "../scope.js";
import { unitLabel } from "../units.js";
import { axisNamed, isTapped, keyOf } from "./axis.js";

interface Source {
  readonly model: string;
  readonly shape: ModelShape;
}

interface Cut {
  readonly axis: string;
  readonly from: number;
  readonly keep: number;
}

interface Size {
  readonly value: number;
  readonly span: Span;
}

/** A count, or a share of `whole` rounded down. */
const sizeIn = (context: Context, expr: Expr, axis: Axis): Size | null => {
  const value = evaluate(context, expr, context.file);
  if (value === null) return null;
  if (typeof value !== "string" && (value.unit === "number" || value.unit === "ratio")) {
    // 66% of 300 is 198, not 197: products of decimals are rounded before they are cut off.
    const share = Number((value.value * axis.size).toPrecision(12));
    return { value: value.unit === "ratio" ? Math.floor(share) : value.value, span: expr.span };
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
  const parameters = { axis: axis.name, model: source.model, is: axis.size, to: to.value };
  if (to.value < 1) say(context, "target-empty", to.span, parameters);
  else if (!Number.isInteger(to.value)) say(context, "target-fraction", to.span, parameters);
  else if (to.value > axis.size) say(context, "target-grows", to.span, parameters);
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

const cutOf = (context: Context, source: Source, head: Name, line: Statement): Cut | null => {
  const axis = axisNamed(context, head, source.model, source.shape);
  const sides = sidesOf(context, line);
  if (axis === null || sides === null) return null;
  const from = sides.from === null ? null : sizeIn(context, sides.from, axis);
  const to = sizeIn(context, sides.to, axis);
  if (to === null || (from === null && sides.from !== null)) return null;
  if (from !== null && from.value !== axis.size) {
    if (reportGrouping(context, source, axis, from, to)) return null;
    reportMismatch(context, source, axis, from, to);
    checkTarget(context, source, axis, to);
    return null;
  }
  if (!checkTarget(context, source, axis, to)) return null;
  return { axis: axis.name, from: axis.size, keep: to.value };
};

/** Cuts of all lines; null in the place of a wrong one. */
const cutsOf = (context: Context, source: Source, stage: StageDecl): (Cut | null)[] => {
  const seen = new Set<string>();
  return (stage.body ?? []).flatMap((line) =>
    line.heads.map((head) => {
      if (seen.has(head.name)) {
        say(context, "duplicate-setting", head.span, { name: head.name });
        return null;
      }
      seen.add(head.name);
      return cutOf(context, source, head, line);
    }),
  );
};

/** Whether every axis that shrinks has scores; says of each that has none. */
const checkScored = (
  context: Context,
  stage: StageDecl,
  using: Name,
  scores: ScoreEntry,
  source: Source,
  cuts: readonly Cut[],
): boolean => {
  const place = context.scope.declared.get(using.name);
  const labels = place === undefined ? [] : [label(place.file, place.name.span, "scored here")];
  const heads = (stage.body ?? []).flatMap((line) => line.heads);
  const unscored = cuts.filter((cut) => scores.axes !== null && !scores.axes.has(cut.axis));
  for (const { axis } of unscored) {
    const head = heads.find((h) => h.name === axis);
    const span = head?.span ?? using.span;
    if (head !== undefined && !isTapped(context, head, source.model, source.shape)) continue;
    say(context, "unscored-axis", span, { axis, score: using.name }, { labels });
  }
  return unscored.length === 0;
};

const modelOf = (context: Context, name: Name | null): Source | null => {
  const entry = name === null ? null : find(context, "model", name);
  return name === null || entry === null ? null : { model: name.name, shape: entry.shape };
};

/** Whether the scores are of the model that is cut. */
const sameModel = (context: Context, using: Name, scores: ScoreEntry, source: Source): boolean => {
  if (scores.model === source.model) return true;
  const parameters = { score: using.name, of: scores.model, model: source.model };
  say(context, "scores-of-other", using.span, parameters);
  return false;
};

/** The shape at the targets; null where the architecture cannot have it, its forward pass included. */
const shapeOf = (
  context: Context,
  name: Name,
  source: Source,
  cuts: readonly Cut[],
): ModelShape | null => {
  const sizes = new Map(cuts.map((cut) => [cut.axis, cut.keep]));
  const shape = context.trials.resized(source.shape, sizes, {
    path: context.file.path,
    span: name.span,
  });
  if (!shape.ok) passOn(context, shape.diagnostics, name.span);
  return shape.ok ? shape.value : null;
};

/**
 * Defines the pruned model. Its shape is known as soon as all targets are, even where the scores could not be read,
 * so that what follows is checked.
 */
export const checkPrune = (context: Context, stage: StageDecl): void => {
  const name = stage.names[0];
  if (name === undefined) return;
  context.scope.define("model", name.name, null);
  const clauses = readClauses(context, stage);
  const source = modelOf(context, nameIn(context, clauses, "from"));
  const using = nameIn(context, clauses, "using");
  const scores = using === null ? null : find(context, "score", using);
  if (source === null) return;
  const cuts = cutsOf(context, source, stage);
  const good = cuts.filter((cut) => cut !== null).filter((cut) => cut.keep < cut.from);
  const same = using !== null && scores !== null && sameModel(context, using, scores, source);
  const scored = !same || checkScored(context, stage, using, scores, source, good);
  if (cuts.includes(null) || !scored) return;
  const shape = shapeOf(context, name, source, good);
  if (shape === null) return;
  context.scope.define("model", name.name, { shape });
  if (!same || scores.axes === null) return;
  const step = { name: name.name, source: source.model, scores: using.name, cuts: good };
  context.steps.push({ kind: "prune", ...step });
};
