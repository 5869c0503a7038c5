/** `score NAME of MODEL on DATA`: criteria that say how much each unit of an axis matters (Minitron, section 2.2). */
import type { Argument, CallExpr, Expr, Name, StageDecl, Statement } from "../../../grammar/ast.js";
import { nearest } from "../../../grammar/suggest.js";
import type { Node } from "../../ir/tensor.js";
import { judgesAnswers } from "../../library/answer-criterion.js";
import { builtins } from "../../library/builtins.js";
import { judgesChoices } from "../../library/choice-metric.js";
import { scoreOf, scoresWithin } from "../../library/criterion.js";
import { functionNamed } from "../../library/elaborate.js";
import type { CriterionUse, ModelShape } from "../../library/library.js";
import { RUN_LENGTH, takesRunLength } from "../../library/runs.js";
import { obstacle } from "../../passes/decompose.js";
import type { DataSource } from "../../plan.js";
import { nameIn, readClauses } from "../clauses.js";
import { bindConstants } from "../constant.js";
import { type Context, excerpt, find, passOn, say } from "../context.js";
import type { ScoreStep } from "../recipe.js";
import { arithmeticSetting, readSettings } from "../settings.js";
import { fitsData, scoresAnswers } from "./answer-score.js";
import { axisNamed, isTapped } from "./axis.js";
import { one } from "./one-model.js";
import { hasRuns } from "./run-length.js";
import { type Symbolic, shallow, TRIAL, type TriedPass } from "./symbolic.js";

/** Fewer windows than this score mostly noise. */
const FEW_WINDOWS = 16;

interface Subject {
  readonly model: string;
  readonly shape: ModelShape;
  /** Null where they are broken. */
  readonly data: DataSource | null;
  /** Of few layers, and its pass. */
  readonly trial: ModelShape;
  readonly symbols: Symbolic;
  readonly tried: TriedPass;
}

type Entry = ScoreStep["entries"][number];

const isAxisLine = ({ items }: Statement): boolean =>
  items.length > 0 && items[0]?.kind === "name" && items[0].name === "by";

/** Arguments by parameter: named ones by name, also those of `named`, the others in order. Reports those that fit none. */
const argumentsOf = (
  context: Context,
  call: CallExpr,
  parameters: readonly string[],
  named: readonly string[],
): ReadonlyMap<string, Expr> | null => {
  const args = new Map<string, Expr>();
  const known = [...parameters, ...named];
  const stage = call.callee.kind === "name" ? call.callee.name : "this";
  const place = (arg: Argument, index: number): string | undefined =>
    arg.name === null ? parameters[index] : known.find((p) => p === arg.name?.name);
  for (const [index, arg] of call.args.entries()) {
    const parameter = place(arg, index);
    const at = arg.name?.span ?? arg.span;
    if (parameter === undefined) {
      const name = arg.name?.name ?? excerpt(context, arg.span);
      const near = arg.name === null ? null : nearest(name, known);
      say(context, "unknown-setting", at, { name, stage, near, known });
      return null;
    }
    if (args.has(parameter)) say(context, "duplicate-setting", at, { name: parameter });
    else args.set(parameter, bindConstants(context, arg.value, context.file));
  }
  return args;
};

/** Whether every function or metric of choices named as an argument exists where the criterion is defined. */
const functionsKnown = (
  context: Context,
  { file }: CriterionUse["definition"],
  args: CriterionUse["args"],
): boolean => {
  const { library } = context;
  const { metric } = library.definitions;
  const names = [...args.values()].filter((value) => value.kind === "name");
  const measures = (name: string): boolean => {
    const found = metric.get(name);
    return found !== undefined && judgesChoices(found);
  };
  const unknown = names.filter(
    ({ name }) =>
      !builtins.has(name) && functionNamed(library, file, name) === undefined && !measures(name),
  );
  const own = library.privates.get(file.path)?.keys() ?? [];
  const known = [...own, ...library.definitions.function.keys()];
  for (const { name, span } of unknown) {
    const near = nearest(name, known);
    say(context, "unknown-definition", span, { keyword: "function", name, near, known });
  }
  return unknown.length === 0;
};

/** `activation(…) of before`: the criterion, and the name of the taps it looks at; undefined where that is no name. */
const tappedBy = (
  item: Expr | undefined,
): { readonly expr: Expr | undefined; readonly tap: string | null | undefined } => {
  if (item?.kind !== "binary" || item.op !== "of") return { expr: item, tap: null };
  return { expr: item.left, tap: item.right.kind === "name" ? item.right.name : undefined };
};

/** Whether the axis has the tap that a criterion looks at; says which it has if not. */
const tapKnown = (
  context: Context,
  { tried, shape }: Subject,
  head: Name,
  { definition, tap }: CriterionUse,
): boolean => {
  if (definition.decl.subject?.of !== "tap" && tap === null) return true;
  const taps = tried.pass.taps.filter(({ axis }) => axis === head.name);
  const known = definition.decl.subject?.of === "tap" ? [...new Set(taps.map((t) => t.name))] : [];
  if (known.includes(tap)) return true;
  const names = known.filter((name) => name !== null);
  const values = head.name === shape.layerAxis ? "BEFORE, AFTER" : "VALUE";
  const lacks = taps.length === 0 ? `tap ${head.name}: ${values}` : null;
  say(context, "unknown-tap", head.span, { axis: head.name, tap, known: names, lacks });
  return false;
};

/** The criterion of a `by`, with its arguments. */
const criterionOf = (context: Context, statement: Statement): CriterionUse | null => {
  const [, item, more] = statement.items;
  const { expr, tap } = tappedBy(item);
  const callee = expr?.kind === "call" ? expr.callee : expr;
  if (expr === undefined || tap === undefined || callee?.kind !== "name" || more !== undefined) {
    say(context, "setting-form", statement.span, {
      name: "by",
      takes: "one criterion",
      example: `${statement.heads.map((h) => h.name).join(", ")} by CRITERION`,
    });
    return null;
  }
  const definitions = context.library.definitions.criterion;
  const definition = definitions.get(callee.name);
  if (definition === undefined) {
    const known = [...definitions.keys()];
    const near = nearest(callee.name, known);
    const parameters = { keyword: "criterion", name: callee.name, near, known };
    say(context, "unknown-definition", callee.span, parameters);
    return null;
  }
  const text = excerpt(context, item?.span ?? expr.span);
  if (expr.kind !== "call") return { definition, args: new Map(), tap, text };
  const parameters = definition.decl.parameters.map((p) => p.name.name);
  const named = takesRunLength({ definition }) ? [RUN_LENGTH] : [];
  const args = argumentsOf(context, expr, parameters, named);
  if (args === null || !functionsKnown(context, definition, args)) return null;
  return { definition, args, tap, text };
};

/** Whether scores are sums over windows, so that batches of them add up; says what is in the way. */
const addsUp = (
  context: Context,
  { symbols }: Subject,
  head: Name,
  criterion: CriterionUse,
  scores: readonly Node[],
): boolean => {
  const [windows] = symbols.tokens.axes;
  if (windows === undefined) return true;
  const outputs = Object.fromEntries(scores.map((node, at) => [`${head.name}@${at}`, node]));
  const reason = obstacle({ outputs }, windows.name, windows.size)?.failure;
  if (reason === undefined) return true;
  const { name } = criterion.definition.decl.name;
  say(context, "not-summed", head.span, { axis: head.name, criterion: name, reason });
  return false;
};

/** The entry of one axis, after trying the criterion on the model's own graph. */
const entryOf = (
  context: Context,
  subject: Subject,
  head: Name,
  criterion: CriterionUse,
): Entry | null => {
  const { model, shape, trial, symbols, tried } = subject;
  const axis = axisNamed(context, head, model, shape);
  if (axis === null) return null;
  if (!isTapped(context, head, model, shape)) return null;
  if (!tapKnown(context, subject, head, criterion)) return null;
  if (!fitsData(context, head, criterion, subject.data)) return null;
  if (!hasRuns(context, criterion, head, shape)) return null;
  if (judgesAnswers(criterion, context.library)) {
    const scored = scoresAnswers(context, head, criterion, shape);
    return scored ? { axis: axis.name, criterion, within: [] } : null;
  }
  const scores = scoreOf(criterion, context.library, symbols.builder, trial, {
    forward: tried.pass,
    tokens: symbols.tokens,
    labels: symbols.labels,
    seed: 0,
    model: tried.role,
    axis: axis.name,
    place: { path: context.file.path, span: head.span },
  });
  if (!scores.ok) passOn(context, scores.diagnostics, head.span);
  if (!scores.ok || !addsUp(context, subject, head, criterion, scores.value)) return null;
  return { axis: axis.name, criterion, within: scoresWithin(scores.value, axis.name) };
};

/** All entries; null in the place of one that is wrong. */
const entriesOf = (
  context: Context,
  subject: Subject,
  lines: readonly Statement[],
): (Entry | null)[] => {
  const seen = new Set<string>();
  return lines.flatMap((line) => {
    const criterion = criterionOf(context, line);
    return line.heads.map((head) => {
      if (seen.has(head.name)) {
        say(context, "duplicate-setting", head.span, { name: head.name });
        return null;
      }
      seen.add(head.name);
      if (criterion !== null) return entryOf(context, subject, head, criterion);
      axisNamed(context, head, subject.model, subject.shape);
      return null;
    });
  });
};

/** What is scored, with its graph; null where the model or the data is broken. */
const subjectOf = (
  context: Context,
  model: Name | null,
  data: DataSource | null,
): Subject | null => {
  const entry = model === null ? null : one(context, model);
  if (model === null || entry === null) return null;
  // Axes are worth checking without data too: the window's size does not matter to them.
  const trialData = data ?? TRIAL;
  const { shape } = entry;
  const tried = context.trials.anyPass(trialData, shape);
  if (!tried.ok) {
    passOn(context, tried.diagnostics, model.span);
    return null;
  }
  const symbols = context.trials.symbols(trialData);
  return { model: model.name, shape, data, trial: shallow(shape), symbols, tried: tried.value };
};

const warnOfFew = (
  context: Context,
  subject: Subject,
  entries: readonly Entry[],
  data: { readonly source: DataSource; readonly span: Name["span"] } | null,
  take: { readonly value: number; readonly span: Name["span"] } | null,
): void => {
  // The score takes some of what the data take; how much text there is, only the run knows.
  const ofData = data?.source.take ?? Number.POSITIVE_INFINITY;
  const windows = Math.min(ofData, take?.value ?? Number.POSITIVE_INFINITY);
  const place = take?.value === windows ? take.span : data?.span;
  if (place === undefined || windows >= FEW_WINDOWS) return;
  const scored = subject.shape.axes.filter((a) => entries.some((e) => e.axis === a.name));
  const [widest] = scored.sort((a, b) => b.size - a.size);
  if (widest === undefined) return;
  say(context, "calibration-small", place, { windows, axis: widest.name, size: widest.size });
};

export const checkScore = (context: Context, stage: StageDecl): void => {
  const name = stage.names[0];
  if (name === undefined) return;
  context.scope.define("score", name.name, null);
  const clauses = readClauses(context, stage);
  const model = nameIn(context, clauses, "of");
  const on = nameIn(context, clauses, "on");
  const data = on === null ? null : find(context, "data", on);
  const subject = subjectOf(context, model, data);
  const body = stage.body ?? [];
  const lines = body.filter(isAxisLine);
  const settings = readSettings(
    context,
    stage,
    body.filter((statement) => !isAxisLine(statement)),
  );
  const take = settings.quantity("take");
  const arithmetic = arithmeticSetting(settings);
  if (lines.length === 0) {
    const known = [...context.library.definitions.criterion.keys()];
    say(context, "nothing-scored", name.span, { score: name.name, known });
  }
  if (subject === null) return;
  const entries = entriesOf(context, subject, lines);
  const good = entries.filter((entry) => entry !== null);
  const source = data === null || on === null ? null : { source: data, span: on.span };
  warnOfFew(context, subject, good, source, take);
  const whole = good.length === entries.length && lines.length > 0;
  const axes = whole ? new Set(good.map((entry) => entry.axis)) : null;
  const step: ScoreStep | null =
    data === null || !whole
      ? null
      : {
          kind: "score",
          name: name.name,
          model: subject.model,
          data: data.name,
          take: take?.value ?? null,
          arithmetic,
          entries: good,
        };
  context.scope.define("score", name.name, { model: subject.model, axes, step });
  if (step !== null) context.steps.push(step);
};
