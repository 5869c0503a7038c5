/**
 * Questions: programs that give the log likelihood of every token of a few texts, for each of some lengths. For evaluation
 * those of one model, for scores those of a model without some of its layers, for each of them.
 */

import type { DefinitionDecl } from "../../grammar/ast.js";
import type { Arithmetic } from "../../kernels/operand.js";
import { Builder } from "../ir/build.js";
import type { Graph, Input, Node } from "../ir/tensor.js";
import { elaborateAnswerCriterion } from "../library/answer-criterion.js";
import { elaborateChoiceMetric } from "../library/choice-metric.js";
import { forward } from "../library/forward.js";
import type { Located, ModelShape, Run } from "../library/library.js";
import { leftOut, scoresRuns } from "../library/runs.js";
import { simplify } from "../passes/simplify.js";
import type {
  ChoiceEntry,
  ChoiceLength,
  ChoiceMetric,
  ChoiceSource,
  ModelLayout,
  ScoreStage,
} from "../plan.js";
import type { EvaluateStep, Recipe, ScoreStep } from "../recipe/recipe.js";
import { DoesNotFit, inLargestBatch } from "./fit.js";
import { lengthsFor } from "./lengths.js";
import { must } from "./outcome.js";
import { feedPlaces, placement, weightPlaces } from "./placement.js";
import {
  addGraph,
  addPrograms,
  createPrograms,
  heldBytes,
  type Programs,
  tuningBytes,
} from "./programs.js";
import { batchWindows, feedInputs, windowAxes } from "./sweep.js";

/** Logits of so many numbers at once, those of all models together. */
const MOST_LOGITS = 2 ** 25;
const LIKELIHOODS = "likelihoods";
const WHOLE = "whole";

/** Log of the probability of each label after the tokens up to its place. */
const likelihoodsOf = (
  shape: ModelShape,
  builder: Builder,
  model: string,
  { tokens, labels }: { readonly tokens: Input; readonly labels: Input },
  without: Run | null,
): Node => {
  const options = { model, tokens, ...(without === null ? {} : { without }) };
  const logits = must(forward(shape, builder, options)).values.get("logits");
  if (logits === undefined) throw new Error("the check let a forward pass without logits through");
  const vocabulary = logits.axes
    .map(({ name }) => name)
    .filter((name) => labels.axes.every((axis) => axis.name !== name));
  const [over = ""] = vocabulary;
  const shifted = builder.binary("sub", logits, builder.reduce("max", logits, vocabulary));
  const sum = builder.sum(builder.unary("exp", shifted), vocabulary);
  const chosen = builder.gather(shifted, labels, over);
  return builder.binary("sub", chosen, builder.unary("log", sum));
};

/** What each output is the likelihoods of: the model, without some layers or whole. */
type Asked = ReadonlyMap<string, Run | null>;

const graphOf = (
  shape: ModelShape,
  model: string,
  asked: Asked,
  windows: number,
  length: number,
): Graph => {
  const builder = new Builder();
  const feeds = feedInputs(builder, windowAxes(windows, { window: length }));
  const outputs = [...asked].map(
    ([output, without]) => [output, likelihoodsOf(shape, builder, model, feeds, without)] as const,
  );
  return simplify(builder, { outputs: Object.fromEntries(outputs) });
};

const REASON = "questions are asked of a model that is on the device whole";

/** A program for each length of a text, of as many at once as the memory allows. Throws DoesNotFit. */
const planLengths = (
  into: Programs,
  name: string,
  shape: ModelShape,
  layout: ModelLayout,
  data: ChoiceSource,
  asked: Asked,
  arithmetic: Arithmetic,
): readonly ChoiceLength[] => {
  const { memory } = into.target;
  const places = placement(
    [...weightPlaces(layout, arithmetic), ...feedPlaces],
    [...asked.keys()].map((output) => [output, { kind: "output" }]),
  );
  const rows = layout.axes.vocab ?? 1;
  const planned = (length: number, windows: number) => {
    const own = createPrograms(into.target);
    const graph = graphOf(shape, layout.name, asked, windows, length);
    const program = addGraph(own, `${name}.choices${length}`, graph, places);
    const lowered = own.programs.get(program);
    const held = heldBytes(own, [program]) + (lowered === undefined ? 0 : tuningBytes(lowered));
    return { own, length, windows, program, held };
  };
  const tooLarge = memory !== null && layout.bytes > memory;
  const all = lengthsFor(1, data.window, data.window).map((length) => {
    const logits = Math.max(1, Math.floor(MOST_LOGITS / (rows * length * asked.size)));
    const most = tooLarge ? 1 : batchWindows(logits, { window: length });
    return inLargestBatch(most, memory, (windows) => planned(length, windows));
  });
  const needed = Math.max(...all.map(({ held }) => held));
  if (memory !== null && needed > memory) throw new DoesNotFit(name, needed, memory, REASON);
  return all.map(({ own, length, windows, program }): ChoiceLength => {
    addPrograms(into, own);
    return { length, windows, program };
  });
};

const metricOf = (metric: Located<DefinitionDecl>): ChoiceMetric => ({
  name: metric.decl.name.name,
  ...must(elaborateChoiceMetric(metric)),
});

/** Plans one model's answers; `name` prefixes the programs. Throws DoesNotFit. */
export const planChoices = (
  into: Programs,
  name: string,
  shape: ModelShape,
  step: EvaluateStep,
  layout: ModelLayout,
  data: ChoiceSource,
): ChoiceEntry => {
  const asked: Asked = new Map([[LIKELIHOODS, null]]);
  const lengths = planLengths(into, name, shape, layout, data, asked, step.arithmetic);
  return { model: layout.name, data: data.name, metrics: step.metrics.map(metricOf), lengths };
};

/** Plans a `score` step on questions, which only layers have. Throws DoesNotFit. */
export const planAnswerScore = (
  into: Programs,
  recipe: Recipe,
  step: ScoreStep,
  layout: ModelLayout,
  data: ChoiceSource,
): ScoreStage => {
  const shape = recipe.models.get(step.model)?.shape;
  const [entry, more] = step.entries;
  if (shape === undefined || entry === undefined || more !== undefined)
    throw new Error("the check let scores on questions through that are not of layers alone");
  const { axis, criterion } = entry;
  const { score, measures } = must(elaborateAnswerCriterion(criterion, recipe.library));
  const runs = leftOut(criterion, shape);
  const outputs = runs.map((_, at) => `${axis}@${at}`);
  const rest = runs.map((run, at): [string, Run | null] => [outputs[at] ?? "", run]);
  const whole = measures.some(({ of }) => of === "whole");
  const asked: Asked = new Map(whole ? [[WHOLE, null], ...rest] : rest);
  const table = {
    axis,
    criterion: criterion.text,
    outputs,
    along: [],
    size: shape.axes.find(({ name }) => name === axis)?.size ?? 0,
    within: [],
    runs: scoresRuns(criterion),
  };
  const pass = {
    kind: "answers",
    data: data.name,
    questions: step.take,
    lengths: planLengths(into, step.name, shape, layout, data, asked, step.arithmetic),
    measures: measures.map((m) => ({ variable: m.variable, metric: metricOf(m.metric), of: m.of })),
    score,
  } as const;
  const { name, model, arithmetic } = step;
  return { kind: "score", name, model, arithmetic, pass, tables: [table] };
};
