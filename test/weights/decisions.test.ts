/** Which units are kept: ties, nesting, hostile scores; and the record of it, number for number. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PruneStage } from "../../compiler/plan.js";
import {
  decide,
  decisionsSchema,
  readDecisions,
  type Scores,
  writeDecisions,
} from "../../runtime/weights/decisions.js";
import { bestOf, selectKept, withoutRun } from "../../runtime/weights/select.js";
import { layoutFrom } from "../support/layout.js";
import { inScratch } from "../support/scratch.js";

describe("selection", () => {
  /** Few distinct scores: many ties. */
  const scores = fc.array(fc.constantFrom(-1, -0, 0, 0.5, 2), { minLength: 1, maxLength: 30 });

  test("keeps the best; of equal ones the lower index; ascending", () => {
    expect(bestOf([1, 3, 3, 2, 3], 2)).toEqual([1, 2]);
    expect(bestOf([0, 0, 0], 2)).toEqual([0, 1]);
    expect(bestOf([-0, 0, -0], 1)).toEqual([0]);
    expect(bestOf(Float32Array.of(1, 2, 3), 3)).toEqual([0, 1, 2]);
  });

  test("no unit left out beats one that is kept, and order breaks ties", () => {
    fc.assert(
      fc.property(scores, fc.nat(), (values, k) => {
        const keep = 1 + (k % values.length);
        const kept = bestOf(values, keep);
        expect(new Set(kept).size).toBe(keep);
        expect(kept).toEqual(kept.toSorted((a, b) => a - b));
        for (const inside of kept)
          for (let outside = 0; outside < values.length; outside++) {
            if (kept.includes(outside)) continue;
            const [a = 0, b = 0] = [values[inside], values[outside]];
            expect(a > b || (a === b && inside < outside)).toBe(true);
          }
      }),
    );
  });

  test("kept sets nest as the target shrinks", () => {
    fc.assert(
      fc.property(scores, (values) => {
        for (let keep = 2; keep <= values.length; keep++) {
          const larger = bestOf(values, keep);
          expect(bestOf(values, keep - 1).every((unit) => larger.includes(unit))).toBe(true);
        }
      }),
    );
  });

  const halves = (share: number) => ({ share, adjacent: false });

  test("of an axis that comes in pairs in a part, the same share of what stays does", () => {
    // Pairs are 0 and 2, 1 and 3; 4 to 7 go one by one.
    expect(selectKept([9, 2, 0, 8, 1, 5, 4, 3], [], 8, 4, halves(0.5))).toEqual([[1, 3, 5, 6]]);
    expect(selectKept([9, 2, 9, 8, 7, 5, 4, 3], [], 8, 4, halves(0.5))).toEqual([[0, 2, 4, 5]]);
    expect(() => selectKept([1, 2, 3, 4, 5, 6, 7, 8], [], 8, 6, halves(0.5))).toThrow(/pairs/);
  });

  test("units in pairs, half the axis apart, stay together by the sum of their scores", () => {
    expect(selectKept([5, 1, 0, 0, 3, 9], [], 6, 4, halves(1))).toEqual([[0, 2, 3, 5]]);
    expect(selectKept([5, 1, 0, 0, 3, 9], [], 6, 2, halves(1))).toEqual([[2, 5]]);
    expect(() => selectKept([1, 2, 3, 4], [], 4, 3, halves(1))).toThrow(/pairs/);
  });

  test("adjacent pairs are of neighbours", () => {
    const neighbours = (share: number) => ({ share, adjacent: true });
    expect(selectKept([5, 1, 0, 0, 3, 9], [], 6, 4, neighbours(1))).toEqual([[0, 1, 4, 5]]);
    expect(selectKept([9, 2, 0, 8, 1, 5, 4, 3], [], 8, 4, neighbours(0.5))).toEqual([[0, 1, 5, 6]]);
    expect(() => selectKept([1, 2, 3, 4], [], 4, 3, neighbours(1))).toThrow(/pairs/);
  });

  test("of runs, the one with the least score goes; of equal ones the first", () => {
    // Runs of 1, 2, 3 and 4 of four units.
    const scores = [9, 8, 7, 6, 5, 3, 4, 2, 2, 0];
    expect(withoutRun(scores, 4, 4)).toEqual([0, 1, 2, 3]);
    expect(withoutRun(scores, 4, 3)).toEqual([0, 1, 2]);
    expect(withoutRun(scores, 4, 2)).toEqual([0, 3]);
    expect(withoutRun(scores, 4, 1)).toEqual([3]);
    // Of the runs of one length alone.
    expect(withoutRun(scores.slice(4, 7), 4, 2)).toEqual([0, 3]);
    expect(withoutRun([5, 5], 4, 1)).toEqual([3]);
    expect(() => withoutRun([1, 2], 4, 2)).toThrow(/2 scores where those of all runs of 4/);
    expect(() => withoutRun(scores, 3, 1)).toThrow(/those of all runs of 3/);
    expect(() => withoutRun([...scores.slice(1), Number.NaN], 4, 2)).toThrow(/run 9 is NaN/);
  });

  test("is of each place on its own", () => {
    expect(selectKept([1, 2, 3, 9, 8, 7, 5, 5, 5, 0, 1, 0], [2, 2], 3, 2)).toEqual([
      [1, 2],
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
  });

  test("refuses scores that have no order or do not fit", () => {
    expect(() => selectKept([1, Number.NaN], [], 2, 1)).toThrow(/score of unit 1 is NaN/);
    expect(() => selectKept([1, 2, 3, 1 / 0], [2], 2, 1)).toThrow(/score of unit 1 is Infinity/);
    expect(() => selectKept([1, 2, 3], [2], 2, 1)).toThrow(/3 scores where 2 × 2/);
    expect(() => selectKept([1, 2], [], 2, 0)).toThrow(/cannot keep 0 of 2/);
    expect(() => selectKept([1, 2], [], 2, 3)).toThrow(/cannot keep 3 of 2/);
  });
});

const axes = { layer: 2, hidden: 3, group: 2, query: 2 };
const source = layoutFrom("teacher", { axes, weights: [] });
const layers = { name: "layer", size: 2 };
const scores: Scores = {
  data: "texts",
  windows: [4, 0, 2],
  arithmetic: "f32",
  tables: [
    {
      axis: "hidden",
      criterion: "norm",
      along: [],
      size: 3,
      within: [],
      runs: false,
      scores: [0.1, 0.3, 0.2].map(Math.fround),
    },
    {
      axis: "query",
      criterion: "norm",
      along: [layers, { name: "group", size: 2 }],
      size: 2,
      within: [],
      runs: false,
      scores: [1, 2, 4, 3, 5, 5, 0, 1e-40].map(Math.fround),
    },
    {
      axis: "layer",
      criterion: "influence",
      along: [],
      size: 2,
      within: [],
      runs: false,
      scores: [2, 1],
    },
  ],
};
const stage = (cuts: PruneStage["cuts"], name = "student"): PruneStage => ({
  kind: "prune",
  tokens: null,
  name,
  source: "teacher",
  scores: "merit",
  cuts,
  rescaled: {},
  folds: [],
  compensations: [],
});
const cuts = [
  { axis: "query", from: 2, keep: 1 },
  { axis: "layer", from: 2, keep: 1 },
];

describe("decisions", () => {
  test("say of every axis and place the scores and what is kept", () => {
    const { kept, record } = decide(stage(cuts), source, scores);
    expect([...kept.keys()].sort()).toEqual(["layer", "query"]);
    expect(kept.get("query")?.sets).toEqual([[1], [0], [0], [1]]);
    expect(kept.get("layer")?.sets).toEqual([[0]]);
    expect(record).toMatchObject({
      name: "student",
      source: "teacher",
      scores: "merit",
      windows: [4, 0, 2],
    });
    // An axis that was scored and not cut is recorded whole.
    expect(record.axes[0]).toEqual({
      axis: "hidden",
      criterion: "norm",
      from: 3,
      keep: 3,
      sets: [{ at: {}, scores: [0.1, 0.3, 0.2].map(Math.fround), kept: [0, 1, 2] }],
    });
    expect(record.axes[1]?.sets[3]).toEqual({
      at: { layer: 1, group: 1 },
      scores: [0, Math.fround(1e-40)],
      kept: [1],
    });
  });

  test("runs are cut whole, and recorded with the scores of all runs", () => {
    const table = { axis: "layer", criterion: "far", along: [], size: 2, within: [], runs: true };
    const tables = [{ ...table, scores: [2, 1, 3] }];
    const made = decide(stage([{ axis: "layer", from: 2, keep: 1 }]), source, {
      ...scores,
      tables,
    });
    expect(made.kept.get("layer")?.sets).toEqual([[0]]);
    expect(made.record.axes[0]?.sets).toEqual([{ at: {}, scores: [2, 1, 3], kept: [0] }]);
  });

  test("an axis that stays whole needs no scores; one that is cut does", () => {
    const only = { ...scores, tables: [] };
    const { kept } = decide(stage([{ axis: "hidden", from: 3, keep: 3 }]), source, only);
    expect(kept.get("hidden")?.sets).toEqual([[0, 1, 2]]);
    expect(() => decide(stage([{ axis: "hidden", from: 3, keep: 2 }]), source, only)).toThrow(
      /hidden is cut, but merit has no scores of it/,
    );
    expect(() => decide(stage([{ axis: "hidden", from: 4, keep: 2 }]), source, scores)).toThrow(
      /hidden of teacher is 3, not 4/,
    );
  });

  test("name the axis whose scores are wrong", () => {
    const wrong = {
      ...scores,
      tables: scores.tables.map((t) => ({ ...t, scores: t.scores.map(() => Number.NaN) })),
    };
    expect(() => decide(stage(cuts), source, wrong)).toThrow(
      /axis hidden: the score of unit 0 is NaN/,
    );
  });

  test("are written so that every f32 reads back, and one pruning after another is kept", async () => {
    const words = fc.array(fc.integer({ min: 0, max: 0x7f7fffff }), { minLength: 3, maxLength: 3 });
    await inScratch(async (folder) => {
      expect(await readDecisions(folder)).toBe(null);
      await fc.assert(
        fc.asyncProperty(words, async (bits) => {
          const values = [...new Float32Array(Uint32Array.from(bits).buffer)];
          const table = {
            axis: "hidden",
            criterion: "c",
            along: [],
            size: 3,
            within: [],
            runs: false,
          };
          const tables = [{ ...table, scores: values }];
          const made = decide(stage([{ axis: "hidden", from: 3, keep: 2 }]), source, {
            ...scores,
            tables,
          });
          await writeDecisions(folder, made);
          const back = await readDecisions(folder);
          expect(back?.prunes).toEqual([made.record]);
          expect(back?.prunes[0]?.axes[0]?.sets[0]?.scores.map(Math.fround)).toEqual(values);
        }),
        { numRuns: 100 },
      );
      await writeDecisions(folder, decide(stage(cuts, "again"), source, scores));
      const text = readFileSync(join(folder, "decisions.json"), "utf8");
      expect(decisionsSchema.parse(JSON.parse(text)).prunes.map((p) => p.name)).toEqual([
        "student",
        "again",
      ]);
      writeFileSync(join(folder, "decisions.json"), "{}");
      await expect(readDecisions(folder)).rejects.toThrow(
        /decisions\.json is not a record of decisions/,
      );
    });
  });
});
