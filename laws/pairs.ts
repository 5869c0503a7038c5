/**
 * Units in pairs stand with the partner that the architecture says: where all weights of a pair are 0, so is what the pass
 * taps of it. A unit that is rotated against one of another pair would have what that one gives.
 */
import { Builder } from "../compiler/ir/build.js";
import { interpret } from "../compiler/ir/interpret.js";
import { forward } from "../compiler/library/forward.js";
import type { ModelShape } from "../compiler/library/library.js";
import { pairsOf } from "../runtime/weights/select.js";
import { cuttable } from "./cuts.js";
import { places } from "./dense.js";
import { zeroed } from "./elements.js";
import { Broken, type Law, picked, type Trial, Untold } from "./law.js";
import { feedsOf, type Model, made, modelOf, sizeIn, weightsOf } from "./model.js";

/** Axes in pairs that can be cut, which are those that are tapped. */
const pairedAxes = (shape: ModelShape): readonly string[] =>
  cuttable(shape).filter((axis) => shape.paired.has(axis));

const tapped = (model: Model, axis: string, trial: Trial) => {
  const builder = new Builder();
  const { axes, values } = feedsOf(model.shape, trial);
  const tokens = builder.input("tokens", axes, "u32");
  const pass = made(forward(model.shape, builder, { model: model.layout.name, tokens }));
  const taps = pass.taps.filter((tap) => tap.axis === axis).flatMap(({ values: own }) => own);
  const outputs = Object.fromEntries(taps.map((node, i) => [`${i}`, node]));
  return Object.values(
    interpret({ outputs }, new Map([...weightsOf(model), ["tokens", values.tokens]])),
  );
};

export const pairs: Law = {
  name: "pairs",
  says: "where all weights of a pair are 0, what the pass taps of it is 0",
  silent: ({ shape }) => (pairedAxes(shape).length === 0 ? "no units come in pairs" : null),
  holds: (trial) => {
    const { shape, seed, pick } = trial;
    const axis = picked(pairedAxes(shape), seed) ?? "";
    const paired = shape.paired.get(axis);
    const pair = paired === undefined ? null : picked(pairsOf(sizeIn(shape, axis), paired), pick);
    if (pair === null) throw new Untold("no units come in pairs");
    const dead = zeroed(modelOf(shape, seed), ({ place }) => pair.includes(place[axis] ?? -1));
    for (const { axes, data } of tapped(dead, axis, trial))
      places(axes).forEach((place, i) => {
        if (pair.includes(place[axis] ?? -1) && !(Math.abs(data[i] ?? Number.NaN) < 1e-12))
          throw new Broken(
            `units ${pair.join(" and ")} of ${axis} are a pair, and its weights are 0, but unit ${place[axis]} has what another unit gives`,
          );
      });
  },
};
