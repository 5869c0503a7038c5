/**
 * Permuting units changes no logit, and scoring and pruning then keep the corresponding ones: the pruned models are the same
 * numbers in another order, bit for bit, and give the same logits. Units of an axis `in pairs` are told apart by their places.
 */
import type { CriterionUse } from "../compiler/library/library.js";
import type { AxisScores } from "../runtime/weights/decisions.js";
import type { Kept } from "../runtime/weights/kept.js";
import { cutsOf, cutsText, cuttable, placedAxes } from "./cuts.js";
import type { Place } from "./dense.js";
import { elementsOf, reader, setAt, sourcePlace } from "./elements.js";
import { Broken, type Criteria, type Given, type Law, picked, Untold } from "./law.js";
import { cutTo, keptBy, logitsOf, type Model, modelOf, requireEqual, sizeIn } from "./model.js";
import { randomValue } from "./random.js";
import { scoresOf } from "./scores.js";

const freeAxes = ({ shape }: Pick<Given, "shape">): readonly string[] =>
  cuttable(shape).filter((axis) => axis !== shape.layerAxis && !placedAxes(shape).includes(axis));

/** For each place, which unit of the original stands where: a kept set of all units, in any order. */
const permutations = (model: Model, seed: number, axes: readonly string[]): Kept =>
  new Map(
    axes.map((axis, stream) => {
      const along = model.shape.along.get(axis) ?? [];
      const size = sizeIn(model.shape, axis);
      const count = along.reduce((product, step) => product * step.size, 1);
      const sets = Array.from({ length: count }, (_, place) =>
        Array.from({ length: size }, (_, unit) => unit).sort((a, b) => {
          const key = (unit: number) => randomValue(seed, 900 + stream, place * size + unit);
          return key(a) - key(b);
        }),
      );
      return [axis, { axis, along, from: size, keep: size, sets }];
    }),
  );

/** The place in the original of a place after permuting. */
const before = (order: Kept, place: Place): Place =>
  Object.fromEntries(
    Object.entries(place).map(([axis, unit]) => [axis, setAt(order, axis, place)?.[unit] ?? unit]),
  );

const permuted = (model: Model, order: Kept): Model => {
  const original = reader(model);
  const arena = new Float32Array(model.arena.length);
  for (const { weight, place, at } of elementsOf(model.layout))
    arena[at] = original(weight.weight, weight.layer, before(order, place));
  return { ...model, arena };
};

type Cuts = ReturnType<typeof cutsOf>;

/** Whether in every kept set the least score kept lies above the best one cut by more than rounding. */
const decided = (tables: readonly AxisScores[], cuts: Cuts): boolean =>
  cuts.every(({ axis, keep, from }) => {
    const scores = tables.find((table) => table.axis === axis)?.scores ?? [];
    return Array.from({ length: scores.length / from }, (_, place) =>
      scores.slice(place * from, (place + 1) * from).sort((a, b) => b - a),
    ).every((set) => {
      const [least = 0, best = 0] = [set[keep - 1], set[keep]];
      return keep === from || least - best > 1e-7 * Math.max(1, Math.abs(least));
    });
  });

/** A criterion of nothing, such as a random one, gives units numbers by their places. */
const looks = ({ definition }: CriterionUse): boolean => definition.decl.subject !== null;

const criteriaFor = (given: Given, pick: number): Criteria => {
  const axes = freeAxes(given);
  const all = [...(picked(given.criteria, pick) ?? [])];
  return new Map(all.filter(([axis, use]) => axes.includes(axis) && looks(use)));
};

/** Throws unless the models are the same numbers, those of `right` in the order that permuting gave them. */
const requireSame = (left: Model, right: Model, kept: Kept, after: Kept, order: Kept): void => {
  const original = reader(left);
  for (const { weight, place, at } of elementsOf(right.layout)) {
    // A unit of the permuted model's cut, as one of the original, by its rank among those kept.
    const was = before(order, sourcePlace(after, place));
    const from = Object.fromEntries(
      Object.entries(was).map(([axis, unit]) => [
        axis,
        setAt(kept, axis, was)?.indexOf(unit) ?? unit,
      ]),
    );
    if (right.arena[at] !== original(weight.weight, weight.layer, from))
      throw new Broken(`other units of ${weight.weight} are kept once they are permuted`);
  }
};

export const permutation: Law = {
  name: "permutation",
  says: "permuting units changes no logit, and pruning then keeps the corresponding ones",
  silent: (given) => (freeAxes(given).length === 0 ? "every axis is one of places" : null),
  holds: async (trial) => {
    const { shape, seed, keeps } = trial;
    const axes = freeAxes(trial);
    const model = modelOf(shape, seed);
    const order = permutations(model, seed, axes);
    const turned = permuted(model, order);
    const which = axes.join(", ");
    requireEqual(logitsOf(model, trial), logitsOf(turned, trial), `logits, ${which} permuted`);
    const criteria = criteriaFor(trial, trial.pick);
    if (criteria.size === 0) return;
    const whole = cuttable(shape).filter((axis) => !criteria.has(axis));
    const cuts = cutsOf(shape, keeps, whole);
    const scores = scoresOf(model, trial, criteria);
    if (!decided(scores, cuts)) throw new Untold("scores tie");
    const kept = keptBy(model, cuts, scores);
    const after = keptBy(turned, cuts, scoresOf(turned, trial, criteria));
    const [left, right] = [await cutTo(model, kept), await cutTo(turned, after)];
    requireSame(left, right, kept, after, order);
    const where = `logits of the pruned models, ${cutsText(cuts)}`;
    requireEqual(logitsOf(left, trial), logitsOf(right, trial), where);
  },
};
