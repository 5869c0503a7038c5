/** Cutting by steps, with the scores of what is left, is cutting at once: kept sets nest, and so does what becomes of numbers. */
import { isDeepStrictEqual } from "node:util";
import type { ModelShape } from "../compiler/library/library.js";
import type { AxisScores } from "../runtime/weights/decisions.js";
import type { Kept } from "../runtime/weights/kept.js";
import { cutsOf, cutsText, cuttable, stepOf } from "./cuts.js";
import { places } from "./dense.js";
import { sourcePlace } from "./elements.js";
import { Broken, type Law, Untold } from "./law.js";
import { cutTo, keptBy, modelOf, randomScores } from "./model.js";

/** The scores of what is kept, in the numbers of the cut model. */
const scoresLeft = (tables: readonly AxisScores[], kept: Kept): readonly AxisScores[] =>
  tables.map((table) => {
    const left = (name: string, size: number): number => kept.get(name)?.keep ?? size;
    const along = table.along.map(({ name, size }) => ({ name, size: left(name, size) }));
    const size = left(table.axis, table.size);
    const scores = places([...along, { name: table.axis, size }]).map((place) => {
      const was = sourcePlace(kept, place);
      const row = table.along.reduce((sum, step) => sum * step.size + (was[step.name] ?? 0), 0);
      return table.scores[row * table.size + (was[table.axis] ?? 0)] ?? Number.NaN;
    });
    return { ...table, along, size, scores };
  });

/** Weights that cutting rescales are rounded at each step. */
const roundingOf = ({ architecture }: ModelShape): number =>
  architecture.decl.items.some(({ kind }) => kind === "cut") ? 1e-5 : 0;

const same = (left: Float32Array, right: Float32Array, rounding: number): boolean =>
  left.length === right.length &&
  left.every(
    (value, i) =>
      Math.abs(value - (right[i] ?? Number.NaN)) <= rounding * Math.max(1, Math.abs(value)),
  );

export const bySteps: Law = {
  name: "by-steps",
  says: "cutting by steps gives what cutting at once gives",
  silent: ({ shape }) => (cuttable(shape).length === 0 ? "no axis can be cut" : null),
  holds: async ({ shape, seed, keeps }) => {
    const model = modelOf(shape, seed);
    const scores = randomScores(model, seed);
    const layers = shape.layerAxis === null ? [] : [shape.layerAxis];
    const last = cutsOf(shape, keeps, layers);
    // Half way there.
    const half = last.map(({ axis, from, keep }) =>
      Math.ceil((from + keep) / 2 / stepOf(shape, axis)),
    );
    const first = cutsOf(shape, half, layers);
    if (first.some(({ keep }, i) => keep < (last[i]?.keep ?? 0)))
      throw new Untold("config.json has no word for a shape between");
    const kept = keptBy(model, first, scores);
    const middle = await cutTo(model, kept);
    const rest = last.map((cut, i) => ({ ...cut, from: first[i]?.keep ?? cut.from }));
    const bySteps = await cutTo(middle, keptBy(middle, rest, scoresLeft(scores, kept)));
    const atOnce = await cutTo(model, keptBy(model, last, scores));
    const steps = `${cutsText(first)} and then ${cutsText(rest)}`;
    if (!same(bySteps.arena, atOnce.arena, roundingOf(shape)))
      throw new Broken(`numbers cut by steps and at once differ, ${steps}`);
    if (!isDeepStrictEqual(bySteps.layout, atOnce.layout))
      throw new Broken(`config.json or the order of weights differs by steps, ${steps}`);
  },
};
