/** Law: kept sets nest as targets shrink; so cutting by steps, with the scores of what is left, is cutting at once. */
import { expect } from "vitest";
import type { AxisScores } from "../../runtime/weights/decisions.js";
import type { Kept } from "../../runtime/weights/kept.js";
import { type ModelCase, modelCase } from "../support/arbitraries/model.js";
import { architectureOf } from "../support/architectures.js";
import { places } from "../support/dense.js";
import { always, law } from "./law.js";
import { cutsOf, cutTo, keptBy, type Model, modelOf, randomScores, sourcePlace } from "./model.js";
import type { Product } from "./mutant.js";

const setsOf = (kept: Kept, axis: string): readonly (readonly number[])[] =>
  kept.get(axis)?.sets ?? [];

const nest = (product: Product, drawn: ModelCase): void => {
  const model = modelOf(product, drawn);
  const scores = randomScores(model, drawn.seed);
  for (const { axis, from } of cutsOf(model, drawn)) {
    const together = model.shape.paired.has(axis) ? 2 : 1;
    for (let keep = from; keep > together; keep -= together) {
      const keeping = (count: number): readonly (readonly number[])[] =>
        setsOf(keptBy(product, model, [{ axis, from, keep: count }], scores), axis);
      const [larger, smaller] = [keeping(keep), keeping(keep - together)];
      expect(smaller).toHaveLength(larger.length);
      smaller.forEach((set, place) => {
        expect(new Set(set).size).toBe(keep - together);
        expect(larger[place]).toEqual(expect.arrayContaining([...set]));
      });
    }
  }
};

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

const compose = async (product: Product, drawn: ModelCase): Promise<void> => {
  const model: Model = modelOf(product, drawn);
  const scores = randomScores(model, drawn.seed);
  const last = cutsOf(model, drawn, [architectureOf(drawn).layer]);
  // Half way there.
  const first = last.map((cut) => {
    const together = model.shape.paired.has(cut.axis) ? 2 : 1;
    return { ...cut, keep: Math.ceil((cut.from + cut.keep) / 2 / together) * together };
  });
  const kept = keptBy(product, model, first, scores);
  const middle = await cutTo(product, model, kept);
  const rest = last.map((cut, i) => ({ ...cut, from: first[i]?.keep ?? 0 }));
  const bySteps = await cutTo(
    product,
    middle,
    keptBy(product, middle, rest, scoresLeft(scores, kept)),
  );
  const atOnce = await cutTo(product, model, keptBy(product, model, last, scores));
  expect(bySteps.arena).toEqual(atOnce.arena);
  expect(bySteps.layout).toEqual(atOnce.layout);
};

law("kept sets nest as targets shrink", always(modelCase, nest), [
  // Scores of a place found by how many are kept.
  {
    file: "runtime/weights/select.ts",
    find: "all.slice(place * size, (place + 1) * size)",
    replace: "all.slice(place * keep, place * keep + size)",
  },
  {
    file: "runtime/weights/select.ts",
    find: "a.index - b.index)",
    replace: "(a.index - b.index) * (keep % 2 === 0 ? 1 : -1))",
  },
]);

law("cutting by steps is cutting at once", always(modelCase, compose), [
  {
    file: "runtime/weights/modes.ts",
    find: "targetStride *= after;",
    replace: "targetStride *= before;",
  },
  {
    file: "runtime/weights/select.ts",
    find: "a.index - b.index)",
    replace: "(a.index - b.index) * (keep % 2 === 0 ? 1 : -1))",
  },
]);
