/** `evaluate A, B on DATA { METRIC }`: metrics of the library for each model. */
import type { DefinitionDecl, Name, StageDecl, Statement } from "../../../grammar/ast.js";
import { nearest } from "../../../grammar/suggest.js";
import { elaborateChoiceMetric, judgesChoices } from "../../library/choice-metric.js";
import type { Located, ModelShape } from "../../library/library.js";
import { elaborateMetric } from "../../library/metric.js";
import type { DataSource } from "../../plan.js";
import { nameIn, readClauses } from "../clauses.js";
import { type Context, find, passOn, say } from "../context.js";
import type { CandidateSet } from "../scope.js";
import { arithmeticSetting, readSettings, SETTINGS } from "../settings.js";
import { pushRanking } from "./candidates.js";

type Metric = Located<DefinitionDecl>;

interface Subject {
  readonly name: Name;
  readonly shape: ModelShape;
  readonly candidates?: CandidateSet;
}

/** Metrics of the library that fit the data: of tokens, or of choices. */
const fitting = (context: Context, data: DataSource | null): Map<string, Metric> => {
  const all = [...context.library.definitions.metric];
  return new Map(
    all.filter(
      ([, metric]) => data === null || judgesChoices(metric) === (data.kind === "choices"),
    ),
  );
};

const metricNamed = (context: Context, head: Name, data: DataSource | null): Metric | null => {
  const metrics = fitting(context, data);
  const metric = metrics.get(head.name);
  if (metric !== undefined) return metric;
  const known = [...metrics.keys()];
  const near = nearest(head.name, known);
  const parameters = { keyword: "metric", name: head.name, near, known };
  say(context, "unknown-definition", head.span, parameters);
  return null;
};

const isSetting = ({ heads }: Statement): boolean =>
  heads.some(({ name }) => Object.hasOwn(SETTINGS.evaluate, name));

/** The metrics named in the braces; null in the place of an unknown one. */
const metricsOf = (
  context: Context,
  stage: StageDecl,
  data: DataSource | null,
): (Metric | null)[] => {
  const seen = new Set<string>();
  const lines = (stage.body ?? []).filter((line) => !isSetting(line));
  for (const line of lines.filter((l) => l.items.length > 0)) {
    const name = line.heads[0]?.name ?? "";
    say(context, "setting-form", line.span, { name, takes: "no value", example: name });
  }
  const heads = lines.flatMap((line) => line.heads);
  if (heads.length === 0) {
    const known = [...fitting(context, data).keys()];
    say(context, "nothing-measured", stage.keywordSpan, { known });
  }
  return heads.map((head) => {
    if (seen.has(head.name)) {
      say(context, "duplicate-setting", head.span, { name: head.name });
      return null;
    }
    seen.add(head.name);
    return metricNamed(context, head, data);
  });
};

/** Whether the metric fits the model, tried on a small graph. */
const tryMetric = (
  context: Context,
  { name, shape }: Subject,
  metric: Metric,
  data: DataSource,
): boolean => {
  if (data.kind === "choices") {
    const score = elaborateChoiceMetric(metric);
    if (!score.ok) passOn(context, score.diagnostics, name.span);
    return score.ok;
  }
  const { builder, labels } = context.trials.symbols(data);
  const pass = context.trials.anyPass(data, shape);
  const value = pass.ok
    ? elaborateMetric(metric, context.library, builder, { model: pass.value.values, labels })
    : pass;
  if (!value.ok) passOn(context, value.diagnostics, name.span);
  return value.ok;
};

/** Notes what a condition may speak of from here on. */
const note = (context: Context, subject: Subject, metric: Metric): void => {
  const parameters = { metric: metric.decl.name.name, model: subject.name.name };
  const measure = `${parameters.metric}(${parameters.model})`;
  if (context.measured.has(measure)) say(context, "evaluated-twice", subject.name.span, parameters);
  context.measured.add(measure);
};

export const checkEvaluate = (context: Context, stage: StageDecl): void => {
  const clauses = readClauses(context, stage);
  const on = nameIn(context, clauses, "on");
  const data = on === null ? null : find(context, "data", on);
  const subjects = stage.names.map((name): Subject | null => {
    const entry = find(context, "model", name);
    return entry === null ? null : { name, ...entry };
  });
  const settings = readSettings(context, stage, (stage.body ?? []).filter(isSetting));
  const arithmetic = arithmeticSetting(settings);
  const metrics = metricsOf(context, stage, data);
  const models = subjects.filter((subject) => subject !== null);
  const good = metrics.filter((metric) => metric !== null);
  for (const subject of models) for (const metric of good) note(context, subject, metric);
  const whole = models.length === subjects.length && good.length === metrics.length;
  if (!whole || good.length === 0) context.unread.evaluations = true;
  if (data === null || !whole || good.length === 0) return;
  const fits = models.every((subject) =>
    good.every((metric) => tryMetric(context, subject, metric, data)),
  );
  if (!fits) return;
  const step = { kind: "evaluate", arithmetic, data: data.name, metrics: good } as const;
  const alone = models.filter(({ candidates }) => candidates === undefined);
  const names = alone.map((subject) => subject.name.name);
  if (names.length > 0) context.steps.push({ ...step, models: names, candidate: null });
  for (const { name, candidates } of models)
    if (candidates !== undefined) pushRanking(context, step, name.name, candidates);
};
