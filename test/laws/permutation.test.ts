/**
 * Law: permuting units, then scoring and pruning, keeps the corresponding ones. The pruned models are the same numbers
 * in another order, bit for bit, and give the same logits.
 */

import fc from "fast-check";
import { expect } from "vitest";
import type { AxisScores } from "../../runtime/weights/decisions.js";
import type { Kept } from "../../runtime/weights/kept.js";
import { type ModelCase, modelCase } from "../support/arbitraries/model.js";
import { architectureOf } from "../support/architectures.js";
import { distance, type Place } from "../support/dense.js";
import { randomValue } from "../support/random.js";
import { always, law } from "./law.js";
import {
  cutsOf,
  cutTo,
  elementsOf,
  keptBy,
  logitsOf,
  type Model,
  modelOf,
  reader,
  setAt,
  sourcePlace,
} from "./model.js";
import type { Product } from "./mutant.js";
import { scoresOf } from "./scores.js";

/** For each place, which unit of the original stands where: a kept set of all units, in any order. */
const permutations = (model: Model, { seed }: ModelCase, axes: readonly string[]): Kept =>
  new Map(
    axes.map((axis, stream) => {
      const along = model.shape.along.get(axis) ?? [];
      const size = model.shape.axes.find(({ name }) => name === axis)?.size ?? 0;
      const places = along.reduce((product, step) => product * step.size, 1);
      const sets = Array.from({ length: places }, (_, place) =>
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

/** Whether in every kept set the least score kept lies above the best one cut by more than rounding. */
const decided = (tables: readonly AxisScores[], model: Model, drawn: ModelCase): boolean =>
  cutsOf(model, drawn).every(({ axis, keep, from }) => {
    const scores = tables.find((table) => table.axis === axis)?.scores ?? [];
    return Array.from({ length: scores.length / from }, (_, place) =>
      scores.slice(place * from, (place + 1) * from).sort((a, b) => b - a),
    ).every((set) => keep === from || (set[keep - 1] ?? 0) - (set[keep] ?? 0) > 1e-7);
  });

interface Case {
  readonly model: ModelCase;
  readonly criterion: string;
}

const cases: fc.Arbitrary<Case> = fc.record({
  model: modelCase,
  criterion: fc.constantFrom("activation(batch: l2, position: mean)", "magnitude"),
});

const corresponds = async (product: Product, { model: drawn, criterion }: Case): Promise<void> => {
  const { layer, placed } = architectureOf(drawn);
  const model = modelOf(product, drawn);
  const cuts = cutsOf(model, drawn, [layer, ...placed]);
  const axes = cuts.map(({ axis }) => axis);
  const order = permutations(model, drawn, axes);
  const turned = permuted(model, order);
  const criteria = Object.fromEntries(axes.map((axis) => [axis, criterion]));
  const scores = scoresOf(product, model, drawn, criteria);
  fc.pre(decided(scores, model, drawn));
  const kept = keptBy(product, model, cuts, scores);
  const after = keptBy(product, turned, cuts, scoresOf(product, turned, drawn, criteria));
  const [left, right] = [await cutTo(product, model, kept), await cutTo(product, turned, after)];
  const original = reader(left);
  const expected = new Float32Array(right.arena.length);
  for (const { weight, place, at } of elementsOf(right.layout)) {
    // A unit of the permuted model's cut, as one of the original, by its rank among those kept.
    const was = before(order, sourcePlace(after, place));
    const from = Object.fromEntries(
      Object.entries(was).map(([axis, unit]) => [
        axis,
        setAt(kept, axis, was)?.indexOf(unit) ?? unit,
      ]),
    );
    expected[at] = original(weight.weight, weight.layer, from);
  }
  expect(right.arena).toEqual(expected);
  const [logits, others] = [logitsOf(product, left, drawn), logitsOf(product, right, drawn)];
  expect(distance(logits, others)).toBeLessThan(1e-9);
};

law("permuting units, then pruning, keeps the corresponding ones", always(cases, corresponds), [
  // Scores of equal size laid out in the order they are met.
  {
    file: "compiler/library/criterion.ts",
    find: "return builder.permute(builder.sum(node, extra), wanted);",
    replace: "return builder.sum(node, extra);",
  },
  // The first units, whatever their scores.
  {
    file: "runtime/weights/select.ts",
    find: "b.score - a.score || a.index - b.index)",
    replace: "a.index - b.index)",
  },
]);
