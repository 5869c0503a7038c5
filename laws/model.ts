/** Random models by the product's own road: config.json, sizes, layout, forward pass in float64; and their cuts. */
import { Builder } from "../compiler/ir/build.js";
import { interpret } from "../compiler/ir/interpret.js";
import type { Dense } from "../compiler/ir/tensor.js";
import { forward, tokenAxis } from "../compiler/library/forward.js";
import { type ModelShape, type Outcome, weightInput } from "../compiler/library/library.js";
import { rescaled } from "../compiler/library/rescale.js";
import { resize } from "../compiler/library/resize.js";
import type { ModelLayout, PruneStage } from "../compiler/plan.js";
import { layoutOf } from "../compiler/planning/layout.js";
import { type AxisScores, decide } from "../runtime/weights/decisions.js";
import { prune } from "../runtime/weights/gather.js";
import type { Kept } from "../runtime/weights/kept.js";
import { distance, randomIndices } from "./dense.js";
import { Broken, type Draw } from "./law.js";
import { randomIndex } from "./random.js";
import { arenaOf, randomArena, weightsIn } from "./weights-in-memory.js";

export interface Model {
  readonly shape: ModelShape;
  readonly layout: ModelLayout;
  readonly arena: Float32Array;
}

export const PLACE = { path: "config.json", span: { start: 0, end: 0 } };

/** What the product made; a Broken that says why it made nothing. */
export const made = <T>(outcome: Outcome<T>): T => {
  if (outcome.ok) return outcome.value;
  throw new Broken(outcome.diagnostics[0]?.message ?? "it cannot be compiled");
};

/** The shape with random weights. */
export const modelOf = (shape: ModelShape, seed: number): Model => {
  const layout = layoutOf("model", shape, 0);
  return { shape, layout, arena: randomArena(layout, seed) };
};

export const sizeIn = ({ axes }: ModelShape, axis: string): number =>
  axes.find(({ name }) => name === axis)?.size ?? 0;

/** Random scores of every axis that can be cut, so few different ones that many tie. */
export const randomScores = ({ shape }: Model, seed: number): readonly AxisScores[] =>
  [...shape.along].map(([axis, along], stream) => {
    const size = sizeIn(shape, axis);
    const count = along.reduce((product, step) => product * step.size, size);
    const scores = Array.from({ length: count }, (_, i) => randomIndex(seed, stream, i, 5));
    return { axis, criterion: "random", along, size, within: [], runs: false, scores };
  });

const stage = (cuts: PruneStage["cuts"]): PruneStage => ({
  kind: "prune",
  tokens: null,
  name: "cut",
  source: "model",
  scores: "merit",
  cuts,
  rescaled: {},
  folds: [],
  compensations: [],
});

export const keptBy = (
  { layout }: Model,
  cuts: PruneStage["cuts"],
  tables: readonly AxisScores[],
): Kept =>
  decide(stage(cuts), layout, { data: "texts", windows: [0], arithmetic: "f32", tables }).kept;

/** The model cut to what is kept. */
export const cutTo = async ({ shape, layout, arena }: Model, kept: Kept): Promise<Model> => {
  const sizes = new Map([...kept.values()].map(({ axis, keep }) => [axis, keep]));
  const target = made(resize(shape, sizes, PLACE));
  const to = layoutOf("cut", target, 0);
  const changes = Object.fromEntries(made(rescaled(shape, target)));
  const weights = prune(weightsIn(layout, arena), kept, to, changes);
  return { shape: target, layout: to, arena: await arenaOf(weights) };
};

/** The weights in float64, as the forward pass names them. */
export const weightsOf = ({ layout, arena }: Model): ReadonlyMap<string, Dense> =>
  new Map(
    layout.weights.map(({ weight, layer, dims, offset }) => {
      const axes = dims.flat().map(({ axis, size }) => ({ name: axis, size }));
      const count = axes.reduce((sum, axis) => sum * axis.size, 1);
      const data = Float64Array.from(arena.subarray(offset / 4, offset / 4 + count));
      return [weightInput(layout.name, weight, layer), { axes, data }];
    }),
  );

/** So many tokens there are. */
const wordsOf = (shape: ModelShape): number =>
  sizeIn(shape, tokenAxis(shape) ?? "") || Math.min(...shape.axes.map(({ size }) => size));

/** Random tokens, and the labels after them. */
export const feedsOf = (
  shape: ModelShape,
  { windows, positions, seed }: Pick<Draw, "windows" | "positions" | "seed">,
) => {
  const axes = [
    { name: "window", size: windows },
    { name: "position", size: positions },
  ];
  const drawn = (name: string): Dense => randomIndices(name, axes, seed, wordsOf(shape));
  return { axes, values: { tokens: drawn("tokens"), labels: drawn("labels") } };
};

/** Logits over [window, position, vocab] in float64. */
export const logitsOf = (model: Model, draw: Draw): Dense => {
  const builder = new Builder();
  const { shape, layout } = model;
  const { axes, values } = feedsOf(shape, draw);
  const tokens = builder.input("tokens", axes, "u32");
  const pass = made(forward(shape, builder, { model: layout.name, tokens }));
  const logits = pass.values.get("logits");
  if (logits === undefined) throw new Broken("the forward pass gives no logits");
  const inputs = new Map([...weightsOf(model), ["tokens", values.tokens] as const]);
  const found = interpret({ outputs: { logits } }, inputs).logits;
  if (found === undefined) throw new Broken("the forward pass gives no logits");
  return found;
};

/** Throws unless both are equal up to rounding; `where` says of what. */
export const requireEqual = (left: Dense, right: Dense, where: string, most = 1e-9): void => {
  const gap = distance(left, right);
  if (gap < most) return;
  throw new Broken(
    Number.isNaN(gap)
      ? `${where}: there is no number to compare`
      : `${where}: they differ by ${gap.toPrecision(2)}`,
  );
};
