/** A model's weights in memory, as one array laid out as the layout says, and back. */
import type { ModelLayout } from "../compiler/plan.js";
import { ofFloats, readFloats } from "../runtime/formats/stored-tensor.js";
import { elementsOf, type Weights } from "../runtime/formats/weights.js";
import { randomValue } from "./random.js";

export const weightsIn = (layout: ModelLayout, arena: Float32Array): Weights => ({
  layout,
  tensor: (weight) =>
    ofFloats(arena.subarray(weight.offset / 4, weight.offset / 4 + elementsOf(weight))),
  close: async () => undefined,
});

/** Zeros between weights. */
export const arenaOf = async ({ layout, tensor }: Weights): Promise<Float32Array> => {
  const arena = new Float32Array(layout.bytes / 4);
  for (const weight of layout.weights)
    arena.set(await readFloats(tensor(weight)), weight.offset / 4);
  return arena;
};

/** Random weights; zeros between them. */
export const randomArena = (layout: ModelLayout, seed: number): Float32Array => {
  const arena = new Float32Array(layout.bytes / 4);
  layout.weights.forEach((weight, stream) => {
    for (let i = 0; i < elementsOf(weight); i++)
      arena[weight.offset / 4 + i] = randomValue(seed, stream, i);
  });
  return arena;
};
