/** Kept sets nest as targets shrink, by the recipe's own scores where it has some. */
import type { AxisScores } from "../runtime/weights/decisions.js";
import type { Kept } from "../runtime/weights/kept.js";
import { cuttable, stepOf } from "./cuts.js";
import { Broken, type Law, picked, type Trial } from "./law.js";
import { keptBy, type Model, modelOf, randomScores, sizeIn } from "./model.js";
import { scoresOf } from "./scores.js";

const setsOf = (kept: Kept, axis: string): readonly (readonly number[])[] =>
  kept.get(axis)?.sets ?? [];

/** Half of the cases are of the recipe's scores, the others of random ones, of which many tie. */
const tablesOf = (model: Model, trial: Trial): readonly AxisScores[] => {
  const criteria = trial.seed % 2 === 0 ? picked(trial.criteria, trial.pick) : null;
  const own = criteria === null ? [] : scoresOf(model, trial, criteria);
  const others = randomScores(model, trial.seed);
  return [...own, ...others.filter(({ axis }) => !own.some((table) => table.axis === axis))];
};

const requireNested = (
  axis: string,
  keep: number,
  larger: readonly (readonly number[])[],
  smaller: readonly (readonly number[])[],
): void => {
  const nested = smaller.every((set, place) => set.every((unit) => larger[place]?.includes(unit)));
  if (!nested || smaller.length !== larger.length)
    throw new Broken(`the ${keep} units of ${axis} that are kept are not all among more of them`);
  if (smaller.some((set) => new Set(set).size !== keep))
    throw new Broken(`${keep} units of ${axis} were to be kept, and others are`);
};

export const nesting: Law = {
  name: "nesting",
  says: "what a smaller target keeps, a larger one keeps too",
  silent: ({ shape }) => (cuttable(shape).length === 0 ? "no axis can be cut" : null),
  holds: (trial) => {
    const model = modelOf(trial.shape, trial.seed);
    const tables = tablesOf(model, trial);
    for (const axis of cuttable(trial.shape)) {
      // Runs of layers are chosen anew for each length.
      if (tables.some((table) => table.axis === axis && table.runs)) continue;
      const from = sizeIn(trial.shape, axis);
      const step = stepOf(trial.shape, axis);
      const keeping = (keep: number): readonly (readonly number[])[] =>
        setsOf(keptBy(model, [{ axis, from, keep }], tables), axis);
      for (let keep = from; keep > step; keep -= step)
        requireNested(axis, keep - step, keeping(keep), keeping(keep - step));
    }
  },
};
