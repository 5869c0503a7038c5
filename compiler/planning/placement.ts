/** Where the inputs and outputs of a stage's graphs live: weights in their model's arena, tokens and labels as feeds. */
import type { Graph, Input, Node } from "../ir/tensor.js";
import { weightInput } from "../library/library.js";
import type { ModelLayout } from "../plan.js";
import type { InputPlace, OutputPlace, Placement } from "../schedule/target.js";
import { stateOf } from "./layout.js";

export const TOKENS = "tokens";
export const LABELS = "labels";

/** Every weight of a model, as a range of its arena. */
export const weightPlaces = (layout: ModelLayout): [string, InputPlace][] =>
  layout.weights.map((entry) => [
    weightInput(layout.name, entry.weight, entry.layer),
    {
      kind: "state",
      state: stateOf.weights(layout.name),
      stateBytes: layout.bytes,
      offset: entry.offset,
    },
  ]);

export const feedPlaces: readonly [string, InputPlace][] = [
  [TOKENS, { kind: "feed", source: { kind: "tokens" } }],
  [LABELS, { kind: "feed", source: { kind: "labels" } }],
];

export const placement = (
  inputs: readonly (readonly [string, InputPlace])[],
  outputs: readonly (readonly [string, OutputPlace])[],
): Placement => ({ inputs: new Map(inputs), outputs: new Map(outputs) });

/** The inputs a graph reads, by name. */
export const inputsOf = (graph: Graph): ReadonlyMap<string, Input> => {
  const inputs = new Map<string, Input>();
  const seen = new Set<Node>();
  const pending: Node[] = Object.values(graph.outputs);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (node.op === "input") inputs.set(node.name, node);
    for (const operand of operandsOf(node)) pending.push(operand);
  }
  return inputs;
};

/** The nodes a node reads, in a fixed order. */
export const operandsOf = (node: Node): readonly Node[] => {
  switch (node.op) {
    case "input":
    case "const":
    case "index":
      return [];
    case "map":
      return node.args;
    case "cast":
    case "permute":
    case "reduce":
    case "shift":
    case "rename":
    case "stop":
      return [node.arg];
    case "contract":
      return [node.left, node.right];
    case "gather":
      return [node.table, node.indices];
    case "scatter":
      return [node.value, node.indices];
    case "attention":
      return [node.q, node.k, node.v];
    case "attention_grad":
      return [node.q, node.k, node.v, node.lse, node.dOut, node.delta];
    default:
      return node satisfies never;
  }
};
