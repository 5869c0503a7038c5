/** `distill NAME = STUDENT from TEACHER on DATA`: training with a loss of the library until it stops. */
import type { Expr, Name, StageDecl } from "../../../grammar/ast.js";
import { reachable } from "../../ir/traverse.js";
import type { Located, ModelShape } from "../../library/library.js";
import { elaborateLoss } from "../../library/loss.js";
import { elaborateSchedule } from "../../library/schedule.js";
import type { DataSource, Scalar } from "../../plan.js";
import { nameIn, readClauses } from "../clauses.js";
import { bindConstants } from "../constant.js";
import { type Context, find, located, passOn, say } from "../context.js";
import { mapExpressions } from "../rewrite.js";
import { readSettings, type Settings } from "../settings.js";
import { quantityOf, type UnitKind, unitLabel } from "../units.js";
import { optimizerOf } from "./optimizer.js";
import { forwardOf, symbolic } from "./symbolic.js";

/** Steps between checkpoints where the spec does not say. */
const CHECKPOINT_EVERY = 50;

interface Party {
  readonly name: string;
  readonly shape: ModelShape;
}

interface Parties {
  readonly student: Party;
  /** Null for training without one. */
  readonly teacher: Party | null;
  readonly data: DataSource;
}

const partyNamed = (context: Context, name: Name | null): Party | null => {
  const entry = name === null ? null : find(context, "model", name);
  return name === null || entry === null ? null : { name: name.name, shape: entry.shape };
};

/** The student of `healed = student`, as a name. */
const studentName = (context: Context, stage: StageDecl): Name | null => {
  const { value } = stage;
  if (value?.kind === "name") return value;
  say(context, "setting-form", value?.span ?? stage.keywordSpan, {
    name: "distill",
    takes: "the model to train, by name",
    example: "distill NAME = STUDENT from TEACHER on DATA",
  });
  return null;
};

/** Whether every quantity within an expression has one of these units. */
const unitsFit = (
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

/** The loss, after trying it on the graphs of both models. */
const lossOf = (
  context: Context,
  expr: Expr | null,
  { student, teacher, data }: Parties,
): Located<Expr> | null => {
  if (expr === null) return null;
  const loss = located(context, bindConstants(context, expr, context.file));
  if (!unitsFit(context, loss.decl, "a loss", ["ratio"])) return null;
  const symbols = symbolic(data);
  const guess = forwardOf(symbols, student.name, student.shape);
  // A model may teach a copy of itself, whose weights have other names.
  const target = teacher === null ? null : forwardOf(symbols, `${teacher.name}'`, teacher.shape);
  const failed = [guess, target].find((pass) => pass !== null && !pass.ok);
  if (failed !== undefined && failed !== null && !failed.ok) {
    passOn(context, failed.diagnostics, expr.span);
    return null;
  }
  if (!guess.ok) return null;
  const value = elaborateLoss(loss, context.library, symbols.builder, {
    student: guess.value.values,
    labels: symbols.labels,
    ...(target?.ok === true ? { teacher: target.value.values } : {}),
  });
  if (!value.ok) passOn(context, value.diagnostics, expr.span);
  if (!value.ok) return null;
  const weights = `${student.name}/`;
  if (reachable([value.value]).some((n) => n.op === "input" && n.name.startsWith(weights)))
    return loss;
  say(context, "loss-constant", expr.span, { student: student.name });
  return null;
};

/** Steps until the stop, each of `windows` windows. */
const stepsOf = (
  stop: ReturnType<Settings["quantity"]>,
  windows: number,
  data: DataSource,
): number | null => {
  if (stop === null) return null;
  return stop.unit === "steps" ? stop.value : Math.ceil(stop.value / (windows * data.window));
};

const rateOf = (context: Context, expr: Expr | null): Scalar | null => {
  if (expr === null) return null;
  const bound = located(context, bindConstants(context, expr, context.file));
  if (!unitsFit(context, bound.decl, "a schedule", ["ratio", "steps"])) return null;
  const rate = elaborateSchedule(bound, context.library);
  if (!rate.ok) passOn(context, rate.diagnostics, expr.span);
  return rate.ok ? rate.value : null;
};

const settingsOf = (context: Context, stage: StageDecl) => {
  const settings = readSettings(context, stage, stage.body ?? []);
  const optimizer = settings.expression("optimizer");
  return {
    loss: settings.expression("loss"),
    stop: settings.quantity("stop"),
    batch: settings.quantity("batch"),
    optimizer:
      settings.has("optimizer") && optimizer === null ? null : optimizerOf(context, optimizer),
    rate: rateOf(context, settings.expression("rate")),
    checkpoint: settings.has("checkpoint")
      ? (settings.quantity("checkpoint")?.value ?? null)
      : CHECKPOINT_EVERY,
  };
};

const partiesOf = (context: Context, stage: StageDecl): Parties | null => {
  const clauses = readClauses(context, stage);
  const student = partyNamed(context, studentName(context, stage));
  const from = nameIn(context, clauses, "from");
  const teacher = partyNamed(context, from);
  const on = nameIn(context, clauses, "on");
  const data = on === null ? null : find(context, "data", on);
  // The trained model has its student's shape, whatever else is wrong.
  const name = stage.names[0]?.name ?? "";
  context.scope.define("model", name, student === null ? null : { shape: student.shape });
  const taught = teacher !== null || !clauses.has("from");
  return student === null || data === null || !taught ? null : { student, teacher, data };
};

export const checkDistill = (context: Context, stage: StageDecl): void => {
  const parties = partiesOf(context, stage);
  const { loss: expr, stop, batch, optimizer, rate, checkpoint } = settingsOf(context, stage);
  if (parties === null) return;
  const { student, teacher, data } = parties;
  const loss = lossOf(context, expr, parties);
  const steps = batch === null ? null : stepsOf(stop, batch.value, data);
  const broken = loss === null || optimizer === null || rate === null || checkpoint === null;
  if (broken || steps === null || batch === null) return;
  context.steps.push({
    kind: "distill",
    name: stage.names[0]?.name ?? "",
    student: student.name,
    teacher: teacher?.name ?? null,
    data: data.name,
    loss,
    steps,
    windows: batch.value,
    optimizer,
    rate,
    checkpointEvery: checkpoint,
  });
};
