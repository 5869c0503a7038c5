/** Pruning to the full size is the identity, of every bit of the weights and every key of config.json. */
import { isDeepStrictEqual } from "node:util";
import { cutsOf } from "./cuts.js";
import { Broken, type Law } from "./law.js";
import { cutTo, keptBy, modelOf, randomScores } from "./model.js";

export const fullSize: Law = {
  name: "full-size",
  says: "pruning to the full size changes no bit",
  silent: () => null,
  holds: async ({ shape, seed, keeps }) => {
    const model = modelOf(shape, seed);
    const full = cutsOf(shape, []);
    // Where there are no scores all is kept without them.
    const scores = randomScores(model, seed).filter((_, i) => (keeps[i] ?? 0) % 3 > 0);
    const cut = await cutTo(model, keptBy(model, full, scores));
    const words = (floats: Float32Array) => new Uint32Array(floats.buffer);
    const [before, after] = [words(model.arena), words(cut.arena)];
    const changed = model.layout.weights.find(({ offset }, i) => {
      const end = (model.layout.weights[i + 1]?.offset ?? model.layout.bytes) / 4;
      return !isDeepStrictEqual(before.subarray(offset / 4, end), after.subarray(offset / 4, end));
    });
    if (changed !== undefined)
      throw new Broken(`numbers of ${changed.weight} are others where nothing is cut`);
    if (!isDeepStrictEqual(cut.layout, { ...model.layout, name: "cut" }))
      throw new Broken("config.json or the order of weights is another where nothing is cut");
  },
};
