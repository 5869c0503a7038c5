/** The loss of a `distill`: tried on the graphs of its models, or, where a model is broken, as far as it goes without. */
import type { Expr } from "../../../grammar/ast.js";
import { nearest } from "../../../grammar/suggest.js";
import { reads } from "../../ir/traverse.js";
import { functionNamed, matchArguments } from "../../library/elaborate.js";
import { splitLayers } from "../../library/layer-pairs.js";
import type { Located, ModelShape } from "../../library/library.js";
import { elaborateLoss } from "../../library/loss.js";
import { mistake, outcome } from "../../library/report.js";
import type { DataSource } from "../../plan.js";
import { bindConstants } from "../constant.js";
import { type Context, located, passOn, say } from "../context.js";
import { mapExpressions } from "../rewrite.js";
import { quantityOf, type UnitKind, unitLabel } from "../units.js";

export interface Party {
  readonly name: string;
  readonly shape: ModelShape;
  /** The pruning that its tokens come from; null where they are those of its file. */
  readonly vocabulary: string | null;
}

export interface Parties {
  readonly student: Party;
  /** Null for training without one. */
  readonly teacher: Party | null;
  readonly data: DataSource;
}

/** Whether every quantity within an expression has one of these units. */
export const unitsFit = (
  context: Context,
  expr: Expr,
  what: string,
  units: readonly UnitKind[],
): boolean => {
  let fits = true;
  mapExpressions(expr, (inner) => {
    if (inner.kind !== "quantity") return inner;
    const unit = quantityOf(inner.value, inner.unit)?.unit;
    if (unit !== undefined && units.includes(unit)) return inner;
    const takes = ["a plain number", ...units.map(unitLabel)].join(" or ");
    const found = unit === undefined ? inner.unit : unitLabel(unit);
    say(context, "unit-mismatch", inner.span, { what, takes, found });
    fits = false;
    return inner;
  });
  return fits;
};

/** The loss with its constants bound, or null after saying which quantities do not belong. */
const boundLoss = (context: Context, expr: Expr): Located<Expr> | null => {
  const loss = located(context, bindConstants(context, expr, context.file));
  return unitsFit(context, loss.decl, "a loss", ["ratio"]) ? loss : null;
};

const layersOf = ({ axes, layerAxis }: ModelShape): number =>
  axes.find(({ name }) => name === layerAxis)?.size ?? 0;

/** The graphs of a loss at hand: its value, or what is wrong with it. */
export const tried = (
  context: Context,
  loss: Located<Expr>,
  { student, teacher, data }: Parties,
) => {
  const { trials } = context;
  const guess = trials.pass(data, "model", student.shape);
  if (!guess.ok) return guess;
  const target = teacher === null ? null : trials.pass(data, "teacher", teacher.shape);
  if (target?.ok === false) return target;
  const { builder, labels } = trials.symbols(data);
  return elaborateLoss(loss, context.library, builder, {
    student: guess.value.values,
    labels,
    layers: {
      teacher: layersOf(teacher?.shape ?? student.shape),
      student: layersOf(student.shape),
    },
    ...(target === null ? {} : { teacher: target.value.values }),
  });
};

/** Says why a loss has no value: where it has one as soon as there is a teacher, that there is none. */
const reportLoss = (
  context: Context,
  loss: Located<Expr>,
  parties: Parties,
  stage: string,
): null => {
  const { student } = parties;
  const without = tried(context, loss, parties);
  const taught =
    parties.teacher === null ? tried(context, loss, { ...parties, teacher: student }) : without;
  if (without.ok !== taught.ok)
    say(context, "teacher-missing", loss.decl.span, {
      stage,
      student: student.name,
      data: parties.data.name,
    });
  else if (!taught.ok) passOn(context, taught.diagnostics, loss.decl.span);
  return null;
};

/** The loss of the stage called so, after trying it on the graphs of its models. */
export const lossOf = (
  context: Context,
  stage: string,
  expr: Expr | null,
  parties: Parties,
): Located<Expr> | null => {
  const loss = expr === null ? null : boundLoss(context, expr);
  if (expr === null || loss === null) return null;
  const value = tried(context, loss, parties);
  if (!value.ok) return reportLoss(context, loss, parties, stage);
  if (reads(value.value, (n) => n.op === "input" && n.name.startsWith("model/"))) return loss;
  say(context, "loss-constant", expr.span, { student: parties.student.name });
  return null;
};

/** Whether losses of these names exist and have these parameters, term by term. */
const checkTerms = (context: Context, expr: Expr): void => {
  if (expr.kind === "unary") checkTerms(context, expr.operand);
  else if (expr.kind === "binary") {
    checkTerms(context, expr.left);
    checkTerms(context, expr.right);
  } else if (expr.kind === "call") {
    const name = expr.callee.kind === "name" ? expr.callee : expr.callee.member;
    const losses = context.library.definitions.loss;
    const loss = losses.get(name.name);
    const definition = loss ?? functionNamed(context.library, context.file, name.name);
    const checked = outcome(() =>
      definition === undefined
        ? mistake("unknown-in-library", context.file, name.span, {
            name: name.name,
            near: nearest(name.name, losses.keys()),
          })
        : matchArguments(
            context.file,
            definition.decl,
            splitLayers(definition.decl, expr.args).rest,
            expr.span,
          ),
    );
    if (!checked.ok) passOn(context, checked.diagnostics, expr.span);
    else if (loss === undefined) for (const { value } of expr.args) checkTerms(context, value);
  }
};

/** What is wrong with a loss whatever its models are: for where a model could not be made. */
export const checkLossAlone = (context: Context, expr: Expr | null): void => {
  const loss = expr === null ? null : boundLoss(context, expr);
  if (loss !== null) checkTerms(context, loss.decl);
};
