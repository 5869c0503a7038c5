/**
 * Criteria of questions: arithmetic over metrics of choices, of the whole model, `acc(model)`, and of the one without a layer
 * or a run of layers, `acc(less)`; kept as data in the plan.
 */
import type { CallExpr, DefinitionDecl } from "../../grammar/ast.js";
import { nearest } from "../../grammar/suggest.js";
import type { Scalar } from "../plan.js";
import type { ConfigPlace } from "./architecture.js";
import { judgesChoices } from "./choice-metric.js";
import type { CriterionUse, Library, Located, Outcome } from "./library.js";
import { namesIn } from "./live.js";
import { mistake, outcome } from "./report.js";
import { evaluate, scalarBody } from "./schedule.js";

/** A metric of one of the two models, and the variable that stands for it. */
export interface AnswerMeasure {
  readonly variable: string;
  readonly metric: Located<DefinitionDecl>;
  readonly of: "whole" | "rest";
}

export interface AnswerCriterion {
  readonly score: Scalar;
  readonly measures: readonly AnswerMeasure[];
}

const choiceMetric = ({ definitions }: Library, name: string): Located<DefinitionDecl> | null => {
  const metric = definitions.metric.get(name);
  return metric !== undefined && judgesChoices(metric) ? metric : null;
};

/** Whether a criterion is of questions: it measures choices, by itself or by an argument. */
export const judgesAnswers = (
  { definition, args }: Pick<CriterionUse, "definition" | "args">,
  library: Library,
): boolean => {
  const { parameters, subject, body } = definition.decl;
  const own = new Set([
    ...parameters.map(({ name }) => name.name),
    ...(subject?.names ?? []).map(({ name }) => name),
    ...body.lines.flatMap((line) => (line.kind === "assign" ? [line.name.name] : [])),
  ]);
  const called = namesIn(body, true).filter((name) => !own.has(name));
  const given = namesIn([parameters.map(({ fallback }) => fallback), [...args.values()]]);
  return [...called, ...given].some((name) => choiceMetric(library, name) !== null);
};

const wrong = ({ decl, file }: Located<DefinitionDecl>, reason: string): never =>
  mistake("wrong-arguments", file, decl.subject?.span ?? decl.name.span, { reason });

/** What is scored, and where that is said. */
interface Scored {
  readonly axis: string;
  readonly layerAxis: string | null;
  readonly place: ConfigPlace;
}

/** The score, and what must be measured for it; `scored` where it is used. */
export const elaborateAnswerCriterion = (
  { definition, args }: Pick<CriterionUse, "definition" | "args">,
  library: Library,
  scored: Scored | null = null,
): Outcome<AnswerCriterion> =>
  outcome(() => {
    const { decl, file } = definition;
    if (scored !== null && scored.axis !== scored.layerAxis)
      return mistake("wrong-arguments", scored.place, scored.place.span, {
        reason: `\`${decl.name.name}\` scores a model without some of its layers, and \`${scored.axis}\` is not the axis of layers`,
      });
    const [less] = decl.subject?.names ?? [];
    const of = decl.subject?.of;
    if ((of !== "rest" && of !== "gap") || less === undefined)
      return wrong(
        definition,
        `\`${decl.name.name}\` measures answers, so it is of a model without layers: \`of rest less\` or \`of gap less\``,
      );
    const metrics = new Map<string, Located<DefinitionDecl>>();
    const names = new Map<string, Scalar>();
    for (const { name, fallback } of decl.parameters) {
      const value = args.get(name.name) ?? fallback;
      if (value === null)
        return wrong(definition, `\`${decl.name.name}\` also needs \`${name.name}\``);
      const metric = value.kind === "name" ? choiceMetric(library, value.name) : null;
      if (metric !== null) metrics.set(name.name, metric);
      else names.set(name.name, evaluate(file, names, value));
    }
    const measures = new Map<string, AnswerMeasure>();
    const measured = (call: CallExpr): Scalar | null => {
      const { callee } = call;
      const called = callee.kind === "name" ? callee.name : "";
      const metric = metrics.get(called) ?? choiceMetric(library, called);
      if (metric === null) return null;
      const [arg, more] = call.args;
      const model = arg?.value.kind === "name" && more === undefined ? arg.value.name : "";
      if (model !== "model" && model !== less.name)
        return mistake("unknown-in-library", file, arg?.span ?? call.span, {
          name: arg === undefined ? "()" : file.text.slice(arg.span.start, arg.span.end),
          near: nearest(model, ["model", less.name]),
        });
      const variable = `${metric.decl.name.name}(${model})`;
      measures.set(variable, { variable, metric, of: model === less.name ? "rest" : "whole" });
      return { op: "variable", name: variable };
    };
    const score = scalarBody(definition, names, measured);
    return { score, measures: [...measures.values()] };
  });
