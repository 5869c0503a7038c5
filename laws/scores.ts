/** Scores of random models by criteria, in float64 over the whole data at once. */
import { Builder } from "../compiler/ir/build.js";
import { interpret } from "../compiler/ir/interpret.js";
import type { Dense, Graph, Node } from "../compiler/ir/tensor.js";
import { scoreOf } from "../compiler/library/criterion.js";
import { forward } from "../compiler/library/forward.js";
import type { Forward } from "../compiler/library/library.js";
import { scoresRuns } from "../compiler/library/runs.js";
import type { AxisScores } from "../runtime/weights/decisions.js";
import type { Criteria, Draw } from "./law.js";
import { feedsOf, type Model, made, sizeIn, weightsOf } from "./model.js";

export interface ScoreGraph {
  readonly builder: Builder;
  readonly forward: Forward;
  readonly graph: Graph;
  /** By axis, the outputs that hold its scores. */
  readonly outputs: ReadonlyMap<string, readonly string[]>;
}

/** What of a draw scores depend on. */
type Data = Pick<Draw, "seed" | "windows" | "positions">;

/** The scores of each axis by its criterion, the pass in one piece or cut at its layers. */
export const scoreGraph = (
  { shape, layout }: Model,
  data: Data,
  criteria: Criteria,
  cut = false,
): ScoreGraph => {
  const builder = new Builder();
  const { axes } = feedsOf(shape, data);
  const tokens = builder.input("tokens", axes, "u32");
  const labels = builder.input("labels", axes, "u32");
  const pass = made(forward(shape, builder, { model: layout.name, tokens, cut }));
  const nodes: Record<string, Node> = {};
  const outputs = new Map<string, readonly string[]>();
  for (const [axis, use] of criteria) {
    const subject = { forward: pass, tokens, labels, seed: data.seed, model: layout.name, axis };
    const scores = made(scoreOf(use, shape.library, builder, shape, subject));
    const names = scores.map((node, i) => {
      nodes[`${axis}@${i}`] = node;
      return `${axis}@${i}`;
    });
    outputs.set(axis, names);
  }
  return { builder, forward: pass, graph: { outputs: nodes }, outputs };
};

export const scoreInputs = (model: Model, data: Data): ReadonlyMap<string, Dense> =>
  new Map([...weightsOf(model), ...Object.entries(feedsOf(model.shape, data).values)]);

/** Of each unit, what it is chosen by: the sum of its numbers, where it has several. */
const summed = (scores: readonly number[], units: number): readonly number[] => {
  const inner = scores.length / units;
  return Array.from({ length: units }, (_, unit) =>
    scores.slice(unit * inner, (unit + 1) * inner).reduce((sum, score) => sum + score, 0),
  );
};

export const scoresOf = (model: Model, data: Data, criteria: Criteria): readonly AxisScores[] => {
  const { graph, outputs } = scoreGraph(model, data, criteria);
  const found = interpret(graph, scoreInputs(model, data));
  return [...outputs].map(([axis, names]) => {
    const use = criteria.get(axis);
    const along = model.shape.along.get(axis) ?? [];
    const size = sizeIn(model.shape, axis);
    const runs = use !== undefined && scoresRuns(use);
    const all = names.flatMap((name) => [...(found[name]?.data ?? [])]);
    const units = along.reduce((product, step) => product * step.size, size);
    const scores = runs ? all : summed(all, units);
    return { axis, criterion: use?.text ?? "", along, size, within: [], runs, scores };
  });
};
