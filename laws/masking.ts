/**
 * Masking equals trimming, whatever axes are cut at once. What the forward pass tells apart by place, as `index` and `shift`
 * do, is not what it was when others are gone; where an architecture says so (`in pairs`) its axis is left whole.
 */
import { cutsOf, cutsText, cuttable, placedAxes } from "./cuts.js";
import type { Law } from "./law.js";
import { maskedLogits } from "./masked.js";
import { cutTo, keptBy, logitsOf, modelOf, randomScores, requireEqual } from "./model.js";

export const masking: Law = {
  name: "masking",
  says: "the cut model's logits are those of its forward pass over all units, of which sums take the kept ones only",
  silent: ({ shape }) => (cuttable(shape).length === 0 ? "no axis can be cut" : null),
  holds: async (trial) => {
    const { shape, seed, keeps } = trial;
    const model = modelOf(shape, seed);
    // What others go along is cut with them, or left out.
    const groups = [...shape.along.values()].flat().map(({ name }) => name);
    const whole = [...placedAxes(shape), ...(seed % 2 === 0 ? groups : [])];
    const cuts = cutsOf(shape, keeps, whole);
    const kept = keptBy(model, cuts, randomScores(model, seed));
    const trimmed = await cutTo(model, kept);
    requireEqual(
      logitsOf(trimmed, trial),
      maskedLogits(model, trimmed.shape, kept, trial),
      `logits trimmed and masked, ${cutsText(cuts)}`,
    );
  },
};
