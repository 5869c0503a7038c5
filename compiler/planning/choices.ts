/** Evaluation on questions: programs that give the log likelihood of every token of a few texts, for each of some lengths. */
import { Builder } from "../ir/build.js";
import type { Graph } from "../ir/tensor.js";
import { elaborateChoiceMetric } from "../library/choice-metric.js";
import { forward } from "../library/forward.js";
import type { ModelShape } from "../library/library.js";
import { simplify } from "../passes/simplify.js";
import type { ChoiceEntry, ChoiceSource, ModelLayout } from "../plan.js";
import type { EvaluateStep } from "../recipe/recipe.js";
import { DoesNotFit } from "./fit.js";
import { lengthsFor } from "./lengths.js";
import { must } from "./outcome.js";
import { feedPlaces, placement, weightPlaces } from "./placement.js";
import { addGraph, type Programs } from "./programs.js";
import { batchWindows, feedInputs, windowAxes } from "./sweep.js";

/** Logits of so many numbers at once. */
const MOST_LOGITS = 2 ** 25;
const LIKELIHOODS = "likelihoods";

/** Log of the probability of each label after the tokens up to its place. */
const graphOf = (shape: ModelShape, model: string, windows: number, length: number): Graph => {
  const builder = new Builder();
  const axes = windowAxes(windows, { window: length });
  const { tokens, labels } = feedInputs(builder, axes);
  const logits = must(forward(shape, builder, { model, tokens })).values.get("logits");
  if (logits === undefined) throw new Error("the check let a forward pass without logits through");
  const vocabulary = logits.axes
    .map(({ name }) => name)
    .filter((name) => axes.every((axis) => axis.name !== name));
  const [over = ""] = vocabulary;
  const shifted = builder.binary("sub", logits, builder.reduce("max", logits, vocabulary));
  const sum = builder.sum(builder.unary("exp", shifted), vocabulary);
  const chosen = builder.gather(shifted, labels, over);
  const likelihoods = builder.binary("sub", chosen, builder.unary("log", sum));
  return simplify(builder, { outputs: { [LIKELIHOODS]: likelihoods } });
};

/** Plans one model's answers; `name` prefixes the programs. Throws DoesNotFit where the weights do not. */
export const planChoices = (
  into: Programs,
  name: string,
  shape: ModelShape,
  step: EvaluateStep,
  layout: ModelLayout,
  data: ChoiceSource,
): ChoiceEntry => {
  const { memory } = into.target;
  if (memory !== null && layout.bytes > memory) throw new DoesNotFit(name, layout.bytes, memory);
  const places = placement(
    [...weightPlaces(layout, step.arithmetic), ...feedPlaces],
    [[LIKELIHOODS, { kind: "output" }]],
  );
  const rows = layout.axes.vocab ?? 1;
  const lengths = lengthsFor(1, data.window, data.window).map((length) => {
    const most = Math.max(1, Math.floor(MOST_LOGITS / (rows * length)));
    const windows = batchWindows(most, { window: length });
    const graph = graphOf(shape, layout.name, windows, length);
    return { length, windows, program: addGraph(into, `${name}.choices${length}`, graph, places) };
  });
  const metrics = step.metrics.map((metric) => ({
    name: metric.decl.name.name,
    score: must(elaborateChoiceMetric(metric)),
  }));
  return { model: layout.name, data: data.name, metrics, lengths };
};
