/** Logits of a model over one window, and what a loss of them changes by its weights: in float64, and on the tests' device. */
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Axis, Dense, Graph, Input, Node } from "../../compiler/ir/tensor.js";
import { forward } from "../../compiler/library/forward.js";
import { type ModelShape, weightInput } from "../../compiler/library/library.js";
import { differentiate } from "../../compiler/passes/differentiate.js";
import { simplify } from "../../compiler/passes/simplify.js";
import type { ModelLayout } from "../../compiler/plan.js";
import { must } from "../../compiler/planning/outcome.js";
import { lower } from "../../compiler/schedule/lower.js";
import { portableTarget } from "../../compiler/schedule/target.js";
import { readFloats } from "../../runtime/formats/stored-tensor.js";
import type { Weights } from "../../runtime/formats/weights.js";
import { feedPlacement, runLowered } from "./run-graph.js";

export interface ModelGraph {
  readonly graph: Graph;
  readonly values: ReadonlyMap<string, Dense>;
  readonly layout: ModelLayout;
}

const axesOf = (entry: ModelLayout["weights"][number]): Axis[] =>
  entry.dims.flat().map(({ axis, size }) => ({ name: axis, size }));

/** The mean of −log p of each token after those before it; `following` has each position's next token, the last's not read. */
const lossOf = (b: Builder, logits: Node, following: Input): Node => {
  const vocab = logits.axes.find(({ name }) => name === "vocab");
  const [, position] = following.axes;
  if (vocab === undefined || position === undefined) throw new Error("no logits over a vocabulary");
  const shifted = b.map("sub", logits, b.stop(b.reduce("max", logits, ["vocab"])));
  const total = b.unary("log", b.sum(b.unary("exp", shifted), ["vocab"]));
  const missed = b.map("sub", total, b.gather(shifted, following, "vocab"));
  const last = b.constant(position.size - 1);
  const counted = b.map("mul", missed, b.map("less", b.index(position), last));
  return b.map("div", b.sum(counted, ["window", "position"]), last);
};

interface Built {
  readonly builder: Builder;
  readonly logits: Node;
  readonly tokens: Input;
  readonly values: Map<string, Dense>;
}

const built = async (
  shape: ModelShape,
  weights: Weights,
  tokens: readonly number[],
): Promise<Built> => {
  const axes = [
    { name: "window", size: 1 },
    { name: "position", size: tokens.length },
  ];
  const builder = new Builder();
  const input = builder.input("tokens", axes, "u32");
  const pass = must(forward(shape, builder, { model: "model", tokens: input }));
  const logits = pass.values.get("logits");
  if (logits === undefined) throw new Error("the architecture has no logits");
  const values = new Map<string, Dense>([["tokens", { axes, data: Float64Array.from(tokens) }]]);
  for (const entry of weights.layout.weights) {
    const data = Float64Array.from(await readFloats(weights.tensor(entry)));
    values.set(weightInput("model", entry.weight, entry.layer), { axes: axesOf(entry), data });
  }
  return { builder, logits, tokens: input, values };
};

/** The forward pass over the tokens, with its weights as inputs. */
export const logitsGraph = async (
  shape: ModelShape,
  weights: Weights,
  tokens: readonly number[],
): Promise<ModelGraph> => {
  const { logits, values } = await built(shape, weights, tokens);
  return { graph: { outputs: { logits } }, values, layout: weights.layout };
};

/** Outputs "logits", and "0", "1", … for the gradient by each weight of the layout. */
export const gradientGraph = async (
  shape: ModelShape,
  weights: Weights,
  tokens: readonly number[],
): Promise<ModelGraph> => {
  const { layout } = weights;
  const { builder, logits, tokens: input, values } = await built(shape, weights, tokens);
  const following = builder.input("following", input.axes, "u32");
  const next = Float64Array.from([...tokens.slice(1), 0]);
  values.set("following", { axes: input.axes, data: next });
  const inputs = layout.weights.map((entry) =>
    builder.input(weightInput("model", entry.weight, entry.layer), axesOf(entry)),
  );
  const gradients = differentiate(builder, lossOf(builder, logits, following), inputs);
  const named = inputs.map((node, at) => [String(at), gradients.get(node) ?? node] as const);
  const outputs = { logits, ...Object.fromEntries(named) };
  return { graph: simplify(builder, { outputs }), values, layout };
};

type Outputs = ReadonlyMap<string, ArrayLike<number>>;

export const inFloat64 = ({ graph, values }: ModelGraph): Outputs =>
  new Map(Object.entries(interpret(graph, values)).map(([name, { data }]) => [name, data]));

export const onDevice = async (made: ModelGraph): Promise<Outputs> =>
  runLowered(lower("model", made.graph, feedPlacement(made), portableTarget), made.values);

export const logitsIn = (outputs: Outputs): ArrayLike<number> => outputs.get("logits") ?? [];

/** The gradients in one array, each where its weight is. */
export const gradientsIn = (outputs: Outputs, layout: ModelLayout): Float32Array => {
  const arena = new Float32Array(layout.bytes / 4);
  layout.weights.forEach(({ offset }, at) => {
    arena.set(outputs.get(String(at)) ?? [Number.NaN], offset / 4);
  });
  return arena;
};
