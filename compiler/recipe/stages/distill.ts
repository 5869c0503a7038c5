/** `distill NAME = STUDENT from TEACHER on DATA`: training with a loss of the library until it stops. */
import type { Expr, Name, StageDecl } from "../../../grammar/ast.js";
import type { ModelShape } from "../../library/library.js";
import { elaborateSchedule } from "../../library/schedule.js";
import type { DataSource, Scalar } from "../../plan.js";
import { nameIn, readClauses } from "../clauses.js";
import { bindConstants } from "../constant.js";
import { type Context, find, located, passOn, say } from "../context.js";
import type { DistillStep } from "../recipe.js";
import type { ModelEntry } from "../scope.js";
import { arithmeticSetting, readSettings, type Settings } from "../settings.js";
import { textsNamed } from "../texts.js";
import { keepsEnough } from "./cache-logits.js";
import { pushDistills } from "./candidates.js";
import { checkLossAlone, lossOf, type Parties, type Party, unitsFit } from "./loss.js";
import { one } from "./one-model.js";
import { optimizerOf } from "./optimizer.js";

/** Steps between checkpoints where the spec does not say. */
const CHECKPOINT_EVERY = 50;

/** Says that the arithmetic of the teacher's pass is set where there is no teacher. */
const sayUnusedArithmetic = (context: Context, { names, body, span }: StageDecl): void => {
  const line = body?.find(({ heads }) => heads.some(({ name }) => name === "arithmetic"));
  say(context, "arithmetic-unused", line?.span ?? span, { name: names[0]?.name ?? "" });
};

const partyOf = (name: Name | null, entry: ModelEntry | null): Party | null =>
  name === null || entry === null
    ? null
    : { name: name.name, shape: entry.shape, vocabulary: entry.vocabulary };

const partyNamed = (context: Context, name: Name | null): Party | null =>
  partyOf(name, name === null ? null : one(context, name));

/** Whether both read the same tokens; says so where they do not. */
const sameTokens = (context: Context, from: Name, student: Party, teacher: Party): boolean => {
  if (student.vocabulary === teacher.vocabulary) return true;
  const parameters = { student: student.name, teacher: teacher.name };
  say(context, "vocabularies-differ", from.span, parameters);
  return false;
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

const settingsOf = (context: Context, stage: StageDecl, student: ModelShape | null) => {
  const settings = readSettings(context, stage, stage.body ?? []);
  const optimizer = settings.expression("optimizer");
  return {
    loss: settings.expression("loss"),
    stop: settings.quantity("stop"),
    batch: settings.quantity("batch"),
    optimizer:
      settings.has("optimizer") && optimizer === null
        ? null
        : optimizerOf(context, optimizer, student),
    rate: rateOf(context, settings.expression("rate")),
    checkpoint: settings.has("checkpoint")
      ? (settings.quantity("checkpoint")?.value ?? null)
      : CHECKPOINT_EVERY,
    earlyStop: settings.quantity("early_stop"),
    arithmetic: arithmeticSetting(settings),
    cache: settings.quantity("cache_logits"),
  };
};

const partiesOf = (context: Context, stage: StageDecl): Parties | null => {
  const clauses = readClauses(context, stage);
  const named = studentName(context, stage);
  const entry = named === null ? null : find(context, "model", named);
  const student = partyOf(named, entry);
  const from = nameIn(context, clauses, "from");
  const teacher = partyNamed(context, from);
  const on = nameIn(context, clauses, "on");
  const data = on === null ? null : textsNamed(context, on);
  // The trained model has its student's shape, whatever else is wrong.
  const name = stage.names[0]?.name ?? "";
  context.scope.define("model", name, entry);
  const taught = teacher !== null || !clauses.has("from");
  if (student === null || data === null || !taught) return null;
  const same = from === null || teacher === null || sameTokens(context, from, student, teacher);
  return same ? { student, teacher, data } : null;
};

export const checkDistill = (context: Context, stage: StageDecl): void => {
  const parties = partiesOf(context, stage);
  const {
    loss: expr,
    stop,
    batch,
    optimizer,
    rate,
    checkpoint,
    earlyStop,
    arithmetic,
    cache,
  } = settingsOf(context, stage, parties?.student.shape ?? null);
  if (parties === null) {
    checkLossAlone(context, expr);
    return;
  }
  const { student, teacher, data } = parties;
  if (teacher === null && arithmetic === "f16") sayUnusedArithmetic(context, stage);
  const loss = lossOf(context, stage.names[0]?.name ?? "", expr, parties);
  const kept = loss === null || cache === null || keepsEnough(context, loss, parties, cache);
  const steps = batch === null ? null : stepsOf(stop, batch.value, data);
  const broken =
    !kept || loss === null || optimizer === null || rate === null || checkpoint === null;
  if (broken || steps === null || batch === null) return;
  const step: DistillStep = {
    kind: "distill",
    name: stage.names[0]?.name ?? "",
    student: student.name,
    teacher: teacher?.name ?? null,
    arithmetic,
    data: data.name,
    loss,
    steps,
    windows: batch.value,
    optimizer,
    rate,
    checkpointEvery: checkpoint,
    cacheLogits: cache?.value ?? null,
    candidate: null,
  };
  const { candidates } = context.scope.peek("model", step.name) ?? {};
  if (candidates !== undefined) pushDistills(context, step, candidates, earlyStop?.value ?? null);
  else if (earlyStop === null) context.steps.push(step);
  else say(context, "early-stop-one", earlyStop.span, { student: student.name });
};
