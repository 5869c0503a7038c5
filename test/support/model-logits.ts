/** Logits of a model over one window: in float64 without a device, and compiled on the tests' device. */
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Dense, Graph } from "../../compiler/ir/tensor.js";
import { forward } from "../../compiler/library/forward.js";
import { type ModelShape, weightInput } from "../../compiler/library/library.js";
import { must } from "../../compiler/planning/outcome.js";
import { lower } from "../../compiler/schedule/lower.js";
import { portableTarget } from "../../compiler/schedule/target.js";
import { readFloats } from "../../runtime/formats/stored-tensor.js";
import type { Weights } from "../../runtime/formats/weights.js";
import { feedPlacement, runLowered } from "./run-graph.js";

export interface LogitsGraph {
  readonly graph: Graph;
  readonly values: ReadonlyMap<string, Dense>;
}

/** The forward pass over the tokens, with its weights as inputs. */
export const logitsGraph = async (
  shape: ModelShape,
  weights: Weights,
  tokens: readonly number[],
): Promise<LogitsGraph> => {
  const axes = [
    { name: "window", size: 1 },
    { name: "position", size: tokens.length },
  ];
  const builder = new Builder();
  const input = builder.input("tokens", axes, "u32");
  const { values } = must(forward(shape, builder, { model: "model", tokens: input }));
  const logits = values.get("logits");
  if (logits === undefined) throw new Error("the architecture has no logits");
  const given = new Map<string, Dense>([["tokens", { axes, data: Float64Array.from(tokens) }]]);
  for (const entry of weights.layout.weights) {
    const own = entry.dims.flat().map(({ axis, size }) => ({ name: axis, size }));
    const data = Float64Array.from(await readFloats(weights.tensor(entry)));
    given.set(weightInput("model", entry.weight, entry.layer), { axes: own, data });
  }
  return { graph: { outputs: { logits } }, values: given };
};

export const inFloat64 = ({ graph, values }: LogitsGraph): ArrayLike<number> =>
  interpret(graph, values).logits?.data ?? [];

export const onDevice = async (made: LogitsGraph): Promise<ArrayLike<number>> => {
  const lowered = lower("logits", made.graph, feedPlacement(made), portableTarget);
  return (await runLowered(lowered, made.values)).get("logits") ?? [];
};
