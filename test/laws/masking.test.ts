/**
 * Law: masking equals trimming. The full model with every weight 0 that touches a unit cut has the logits of the model
 * without those units, whatever axes are cut at once. Channels that are 0 still count in the mean of a norm, so where
 * channels are cut this holds with the masked model's norms over the channels kept: that is what trimming does to them.
 * So it is with the scale of a head's products. Where dimensions of a head are rotated, each by its place, those that stay
 * turn otherwise than before, and no mask says so.
 */
import { expect } from "vitest";
import { type ModelCase, modelCase } from "../support/arbitraries/model.js";
import { architectureOf } from "../support/architectures.js";
import { distance } from "../support/dense.js";
import { always, law } from "./law.js";
import {
  cutsOf,
  cutTo,
  keptBy,
  libraryWith,
  logitsOf,
  modelOf,
  randomScores,
  removedAt,
  shapeOf,
  zeroed,
} from "./model.js";
import type { Product } from "./mutant.js";

const equalsTrimming = async (product: Product, drawn: ModelCase): Promise<void> => {
  const { channel, dim, placed, textsOver } = architectureOf(drawn);
  const model = modelOf(product, drawn);
  // What others go along is cut with them, or left out.
  const groups = [...model.shape.along.values()].flat().map(({ name }) => name);
  const cuts = cutsOf(model, drawn, [...placed, ...(drawn.seed % 2 === 0 ? groups : [])]);
  const kept = keptBy(product, model, cuts, randomScores(model, drawn.seed));
  const keeps = (axis: string): number => kept.get(axis)?.keep ?? 0;
  const library = libraryWith(product, textsOver(keeps(channel), keeps(dim)));
  const masked = {
    ...zeroed(model, ({ place }) => removedAt(kept, place).length > 0),
    shape: shapeOf(product, library, model.shape.config),
  };
  const trimmed = await cutTo(product, model, kept);
  expect(
    distance(logitsOf(product, trimmed, drawn), logitsOf(product, masked, drawn)),
  ).toBeLessThan(1e-9);
};

law("masking equals trimming", always(modelCase, equalsTrimming), [
  // Kept sets by the layer's new number.
  {
    file: "runtime/weights/gather.ts",
    find: ": [layerAxis, layer],",
    replace: ": [layerAxis, entry.layer ?? 0],",
  },
  // Layers taken from the front whatever their scores.
  {
    file: "runtime/weights/modes.ts",
    find: "set === undefined ? layer : (set[layer] ?? Number.NaN)",
    replace: "layer",
  },
  // An axis along which others go copied as one block.
  {
    file: "runtime/weights/gather.ts",
    find: "if (cut !== null || alongs.has(axis)) break;",
    replace: "if (cut !== null) break;",
  },
  // The size of a head found anew from the channels that stay.
  {
    file: "compiler/library/resize.ts",
    find: "config[item.key.name] = value.value;",
    replace: "config[item.key.name] ??= value.value;",
  },
]);
