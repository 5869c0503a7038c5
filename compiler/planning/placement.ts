/** Where the inputs and outputs of a stage's graphs live: weights in their model's arena, tokens and labels as feeds. */
import type { Arithmetic } from "../../kernels/operand.js";
import { weightInput } from "../library/library.js";
import type { ModelLayout } from "../plan.js";
import type { InputPlace, OutputPlace, Placement } from "../schedule/target.js";
import { stateOf } from "./layout.js";

export const TOKENS = "tokens";
export const LABELS = "labels";

/** Every weight of a model, as a range of its arena; products with weights that nothing trains may be in f16. */
export const weightPlaces = (
  layout: ModelLayout,
  arithmetic: Arithmetic = "f32",
): [string, InputPlace][] =>
  layout.weights.map((entry) => [
    weightInput(layout.name, entry.weight, entry.layer),
    {
      kind: "state",
      state: stateOf.weights(layout.name),
      stateBytes: layout.bytes,
      offset: entry.offset,
      dtype: entry.dtype,
      arithmetic,
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
