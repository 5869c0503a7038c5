/** Scores of drawn models by the library's criteria, in float64 over the whole data at once. */
import type { Builder } from "../../compiler/ir/build.js";
import type { Dense, Graph, Node } from "../../compiler/ir/tensor.js";
import type { CriterionUse, Forward } from "../../compiler/library/library.js";
import { must } from "../../compiler/planning/outcome.js";
import type { AxisScores } from "../../runtime/weights/decisions.js";
import type { ModelCase } from "../support/arbitraries/model.js";
import { feedsOf, type Model, weightsOf } from "./model.js";
import type { Product } from "./mutant.js";

/** `activation(batch: l2, position: mean)` or a criterion's name alone. */
const criterionOf = (product: Product, { shape }: Model, text: string): CriterionUse => {
  const { file } = product.parse("spec.prune", `let by = ${text}\n`);
  const [declaration] = file.declarations;
  const value = declaration?.kind === "binding" ? declaration.value : null;
  const callee = value?.kind === "call" ? value.callee : value;
  const name = callee?.kind === "name" ? callee.name : "";
  const definition = shape.library.definitions.criterion.get(name);
  if (definition === undefined) throw new Error(`no criterion ${text}`);
  const args = value?.kind === "call" ? value.args : [];
  return {
    definition,
    args: new Map(args.map((arg) => [arg.name?.name ?? "", arg.value])),
    tap: null,
    text,
  };
};

export interface ScoreGraph {
  readonly builder: Builder;
  readonly forward: Forward;
  readonly graph: Graph;
  /** By axis, the outputs that hold its scores. */
  readonly outputs: ReadonlyMap<string, readonly string[]>;
}

/** The scores of each axis by its criterion, the pass in one piece or cut at its layers. */
export const scoreGraph = (
  product: Product,
  model: Model,
  drawn: ModelCase,
  criteria: Readonly<Record<string, string>>,
  cut = false,
): ScoreGraph => {
  const { shape, layout } = model;
  const builder = new product.Builder();
  const { axes } = feedsOf(drawn);
  const tokens = builder.input("tokens", axes, "u32");
  const labels = builder.input("labels", axes, "u32");
  const forward = must(product.forward(shape, builder, { model: layout.name, tokens, cut }));
  const nodes: Record<string, Node> = {};
  const outputs = new Map<string, readonly string[]>();
  for (const [axis, text] of Object.entries(criteria)) {
    const use = criterionOf(product, model, text);
    const subject = { forward, tokens, labels, seed: drawn.seed, model: layout.name, axis };
    const scores = must(product.scoreOf(use, shape.library, builder, shape, subject));
    const names = scores.map((node, i) => {
      nodes[`${axis}@${i}`] = node;
      return `${axis}@${i}`;
    });
    outputs.set(axis, names);
  }
  return { builder, forward, graph: { outputs: nodes }, outputs };
};

export const scoreInputs = (
  product: Product,
  model: Model,
  drawn: ModelCase,
): ReadonlyMap<string, Dense> =>
  new Map([...weightsOf(product, model), ...Object.entries(feedsOf(drawn).values)]);

export const scoresOf = (
  product: Product,
  model: Model,
  drawn: ModelCase,
  criteria: Readonly<Record<string, string>>,
): readonly AxisScores[] => {
  const { graph, outputs } = scoreGraph(product, model, drawn, criteria);
  const found = product.interpret(graph, scoreInputs(product, model, drawn));
  return [...outputs].map(([axis, names]) => ({
    axis,
    criterion: criteria[axis] ?? "",
    along: model.shape.along.get(axis) ?? [],
    size: model.shape.axes.find(({ name }) => name === axis)?.size ?? 0,
    within: [],
    runs: false,
    scores: names.flatMap((name) => [...(found[name]?.data ?? [])]),
  }));
};
