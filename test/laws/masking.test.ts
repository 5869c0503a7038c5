/** Masking equals trimming, whatever axes are cut at once. */
import { productLaw } from "./law.js";

productLaw(
  "masking",
  [
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
  ],
  {},
  70,
);
