/** Law: pruning to the full size is the identity, of every bit of the weights and every key of config.json. */
import { expect } from "vitest";
import { modelCase } from "../support/arbitraries/model.js";
import { always, law } from "./law.js";
import { cutsOf, cutTo, keptBy, modelOf, randomScores } from "./model.js";

const bits = (floats: Float32Array): Buffer =>
  Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength);

law(
  "pruning to the full size changes nothing",
  always(modelCase, async (product, drawn) => {
    const model = modelOf(product, drawn);
    const full = cutsOf(model, { ...drawn, keeps: [] });
    expect(full.length).toBeGreaterThan(3);
    // Where there are no scores all is kept without them.
    const scores = randomScores(model, drawn.seed).filter((_, i) => (drawn.keeps[i] ?? 0) % 3 > 0);
    const cut = await cutTo(product, model, keptBy(product, model, full, scores));
    expect(bits(cut.arena).equals(bits(model.arena))).toBe(true);
    expect(cut.layout).toEqual({ ...model.layout, name: "cut" });
  }),
  [
    {
      file: "runtime/weights/select.ts",
      find: ".sort((a, b) => a - b);",
      replace: ".sort((a, b) => b - a);",
    },
    {
      file: "runtime/weights/modes.ts",
      find: "sourceStride *= before;",
      replace: "sourceStride *= after - 1;",
    },
    {
      file: "compiler/library/resize.ts",
      find: "if (whole) return config;",
      replace: "if (!whole) return config;",
    },
  ],
);
