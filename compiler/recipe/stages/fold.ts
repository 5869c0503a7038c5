/** `fold AXIS by FOLD` in a `prune`: what kept units take in of those that are cut (Minitron, section 2.2: head residuals). */
import type { Name, Statement } from "../../../grammar/ast.js";
import { nearest } from "../../../grammar/suggest.js";
import { scalarFunction } from "../../ir/scalar.js";
import { tokenAxis } from "../../library/forward.js";
import { elaborateFold } from "../../library/schedule.js";
import type { Cut, Fold, Scalar } from "../../plan.js";
import { type Context, passOn, say } from "../context.js";
import { axisNamed } from "./axis.js";
import { type Source, unitsTogether } from "./targets.js";

const HEAD = "fold";

export const isFold = ({ heads, items }: Statement, { shape }: Source): boolean =>
  heads[0]?.name === HEAD && items.length > 0 && shape.axes.every(({ name }) => name !== HEAD);

/** A fold's value where the kept and the cut unit are both `x`. */
const alike = (value: Scalar, x: number): number => {
  switch (value.op) {
    case "number":
      return value.value;
    case "variable":
      return x;
    case "mod": {
      const [a = 0, b = 0] = value.args.map((arg) => alike(arg, x));
      return a - b * Math.floor(a / b);
    }
    default: {
      const [a = 0, b = 0, c = 0] = value.args.map((arg) => alike(arg, x));
      const apply: (a: number, b: number, c: number) => number = scalarFunction(value.op);
      return apply(a, b, c);
    }
  }
};

/** Numbers at which a fold of a unit with itself is tried. */
const TRIED = [0, 1, -2.5, 0.3];

const definedBy = (context: Context, name: Name): Scalar | null => {
  const folds = context.library.definitions.fold;
  const definition = folds.get(name.name);
  if (definition === undefined) {
    const known = [...folds.keys()];
    const near = nearest(name.name, known);
    say(context, "unknown-definition", name.span, { keyword: HEAD, name: name.name, near, known });
    return null;
  }
  const value = elaborateFold(definition);
  if (!value.ok) {
    passOn(context, value.diagnostics, name.span);
    return null;
  }
  if (TRIED.every((x) => Math.abs(alike(value.value, x) - x) <= 1e-9)) return value.value;
  say(context, "fold-changes", name.span, { fold: name.name });
  return null;
};

/** The fold of a line; null after saying what is wrong with it, or where its axis is not cut. */
const foldOf = (
  context: Context,
  source: Source,
  line: Statement,
  cuts: readonly Cut[],
): Fold | null => {
  const [axisName, by, name, more] = line.items;
  const named = axisName?.kind === "name" && name?.kind === "name" && more === undefined;
  if (!named || by?.kind !== "name" || by.name !== "by" || line.heads.length > 1) {
    const example = `${HEAD} query by residual`;
    say(context, "setting-form", line.span, { name: HEAD, takes: "an axis `by` a fold", example });
    return null;
  }
  const axis = axisNamed(context, axisName, source.model, source.shape);
  const value = definedBy(context, name);
  if (axis === null || value === null) return null;
  const { layerAxis } = source.shape;
  const apart = axis.name !== layerAxis && axis.name !== tokenAxis(source.shape);
  if (!apart || unitsTogether(source.shape, axis.name) > 1) {
    say(context, "fold-axis", axisName.span, { axis: axis.name });
    return null;
  }
  return cuts.some((cut) => cut.axis === axis.name) ? { axis: axis.name, value } : null;
};

/** The folds of a pruning; an axis that loses nothing has nothing to take in. */
export const foldsOf = (
  context: Context,
  source: Source,
  lines: readonly Statement[],
  cuts: readonly Cut[],
): readonly Fold[] =>
  lines
    .map((line) => foldOf(context, source, line, cuts))
    .filter((fold): fold is Fold => fold !== null);
