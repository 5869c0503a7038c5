/** Folding against its definition, place by place: partners by rank, in every weight that carries the axis. */
import { expect, test } from "vitest";
import type { PruneStage, Scalar } from "../../compiler/plan.js";
import { arenaOf, randomArena, weightsIn } from "../../laws/weights-in-memory.js";
import { decide, type Scores } from "../../runtime/weights/decisions.js";
import { pruneFolding } from "../../runtime/weights/fold.js";
import { partnersOf } from "../../runtime/weights/select.js";
import { layoutFrom } from "../support/layout.js";

test("of K kept, unit i goes with cut unit 2K − i + 1, or with itself", () => {
  // Ranks: 4, 1, 3, 0, 2, 5.
  const scores = [3, 8, 2, 5, 9, 1];
  expect(partnersOf(scores, 3)).toEqual([2, 0, 5]);
  // Units 4 and 1 have none.
  expect(partnersOf(scores, 4)).toEqual([2, 1, 5, 4]);
  expect(partnersOf(scores, 1)).toEqual([1]);
  expect(partnersOf(scores, 6)).toEqual([0, 1, 2, 3, 4, 5]);
});

const variable = (name: string): Scalar => ({ op: "variable", name });
const residual: Scalar = {
  op: "add",
  args: [variable("kept"), { op: "sub", args: [variable("kept"), variable("cut")] }],
};

const axes = { layer: 2, hidden: 3, group: 2, query: 4, dim: 2 };
const weights = [
  { name: "embed", perLayer: false, dims: [["hidden"]] },
  { name: "q", perLayer: true, dims: [["group", "query", "dim"], ["hidden"]] },
  { name: "o", perLayer: true, dims: [["hidden"], ["group", "query", "dim"]] },
  { name: "k", perLayer: true, dims: [["group", "dim"], ["hidden"]] },
];
const source = layoutFrom("teacher", { axes, weights });
const target = layoutFrom("student", { axes: { ...axes, query: 3, hidden: 2 }, weights });
const along = [
  { name: "layer", size: 2 },
  { name: "group", size: 2 },
];
const scores: Scores = {
  data: "texts",
  windows: [0],
  arithmetic: "f32",
  tables: [
    {
      axis: "query",
      criterion: "c",
      along,
      size: 4,
      within: [],
      runs: false,
      scores: [4, 3, 2, 1, 1, 2, 3, 4, 2, 9, 1, 8, 5, 5, 5, 5],
    },
    {
      axis: "hidden",
      criterion: "c",
      along: [],
      size: 3,
      within: [],
      runs: false,
      scores: [1, 3, 2],
    },
  ],
};
const stage: PruneStage = {
  kind: "prune",
  tokens: null,
  name: "student",
  source: "teacher",
  scores: "merit",
  cuts: [
    { axis: "query", from: 4, keep: 3 },
    { axis: "hidden", from: 3, keep: 2 },
  ],
  rescaled: {},
  folds: [{ axis: "query", value: residual }],
  compensations: [],
};

/** For each layer and group, which head of the source stays where, and which it takes in (its own: none). */
const HEADS = [
  [
    [0, 0],
    [1, 1],
    [2, 3],
  ],
  [
    [1, 0],
    [2, 2],
    [3, 3],
  ],
  [
    [0, 2],
    [1, 1],
    [3, 3],
  ],
  [
    [0, 0],
    [1, 1],
    [2, 3],
  ],
] as const;
const CHANNELS = [1, 2] as const;

test("kept heads take in cut ones in each weight that has heads, the other axes cut as ever", async () => {
  const arena = randomArena(source, 7);
  const { kept, foldings } = decide(stage, source, scores);
  const found = await arenaOf(pruneFolding(weightsIn(source, arena), kept, foldings, target, {}));
  const offset = (layout: typeof source, weight: string, layer: number | null): number =>
    (layout.weights.find((w) => w.weight === weight && w.layer === layer)?.offset ?? -4) / 4;
  for (let layer = 0; layer < 2; layer++)
    for (let group = 0; group < 2; group++)
      HEADS[layer * 2 + group]?.forEach(([head, cut], place) => {
        for (let dim = 0; dim < 2; dim++)
          CHANNELS.forEach((channel, at) => {
            const row = (of: number, count: number): number => (group * count + of) * 2 + dim;
            const q = (of: number): number =>
              arena[offset(source, "q", layer) + row(of, 4) * 3 + channel] ?? Number.NaN;
            const o = (of: number): number =>
              arena[offset(source, "o", layer) + channel * 16 + row(of, 4)] ?? Number.NaN;
            const folded = (value: (of: number) => number): number =>
              Math.fround(value(head) + (value(head) - value(cut)));
            expect(found[offset(target, "q", layer) + row(place, 3) * 2 + at]).toBe(folded(q));
            expect(found[offset(target, "o", layer) + at * 12 + row(place, 3)]).toBe(folded(o));
          });
      });
  // What carries no heads is as it was.
  expect([...found.subarray(0, 2)]).toEqual([arena[1], arena[2]]);
});
