/** The gather against its definition by coordinates, on random models, cuts and kept sets. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ModelLayout, WeightEntry } from "../../compiler/plan.js";
import { randomValue } from "../../laws/random.js";
import { arenaOf, randomArena, weightsIn } from "../../laws/weights-in-memory.js";
import type { Weights } from "../../runtime/formats/weights.js";
import { prune } from "../../runtime/weights/gather.js";
import type { Kept, KeptAxis } from "../../runtime/weights/kept.js";
import { type LayoutForm, layoutFrom } from "../support/layout.js";

const AXES = ["layer", "hidden", "group", "query", "dim", "mlp"] as const;
type AxisName = (typeof AXES)[number];

/** Weights of every kind: outside layers, flattened axes in any order, an axis along which others go standing last. */
const WEIGHTS: LayoutForm["weights"] = [
  { name: "embed", perLayer: false, dims: [["dim"], ["hidden"]] },
  { name: "norm", perLayer: false, dims: [["hidden"]] },
  { name: "q", perLayer: true, dims: [["group", "query", "dim"], ["hidden"]] },
  { name: "k", perLayer: true, dims: [["group", "dim"], ["hidden"]] },
  { name: "o", perLayer: true, dims: [["hidden"], ["group", "query", "dim"]] },
  { name: "odd", perLayer: true, dims: [["query", "mlp"], ["dim"], ["group"]] },
  { name: "gate", perLayer: true, dims: [["mlp"], ["hidden"]] },
  { name: "scalar", perLayer: true, dims: [] },
];

/** Along what the kept sets of each axis may differ, given where it stands in WEIGHTS. */
const ALONG: Readonly<Partial<Record<AxisName, readonly AxisName[]>>> = {
  query: ["layer", "group"],
  mlp: ["layer"],
};

/** `keep` distinct units of `size`, ascending, drawn by key. */
const someOf = (size: number, keep: number, seed: number, stream: number): number[] =>
  Array.from({ length: size }, (_, unit) => unit)
    .sort((a, b) => randomValue(seed, stream, a) - randomValue(seed, stream, b))
    .slice(0, keep)
    .sort((a, b) => a - b);

interface Case {
  readonly source: ModelLayout;
  readonly target: ModelLayout;
  readonly kept: Kept;
  readonly seed: number;
}

const axis = fc
  .record({
    size: fc.integer({ min: 1, max: 4 }),
    keep: fc.integer({ min: 1, max: 4 }),
    cut: fc.boolean(),
  })
  .map(({ size, keep, cut }) => ({ size, keep: cut ? Math.min(size, keep) : size, cut }));

const cases: fc.Arbitrary<Case> = fc
  .record({
    layer: axis,
    hidden: axis,
    group: axis,
    query: axis,
    dim: axis,
    mlp: axis,
    seed: fc.nat(),
    along: fc.boolean(),
  })
  .map(({ seed, along, ...axes }) => {
    const sizes = (of: "size" | "keep") =>
      Object.fromEntries(AXES.map((name) => [name, axes[name][of]]));
    const kept = new Map<string, KeptAxis>();
    AXES.forEach((name, stream) => {
      const { size, keep, cut } = axes[name];
      if (!cut) return;
      const steps = along ? (ALONG[name] ?? []) : [];
      const over = steps.map((step) => ({ name: step, size: axes[step].size }));
      const places = over.reduce((product, step) => product * step.size, 1);
      const sets = Array.from({ length: places }, (_, place) =>
        someOf(size, keep, seed, stream * 1000 + place),
      );
      kept.set(name, { axis: name, along: over, from: size, keep, sets });
    });
    return {
      source: layoutFrom("source", { axes: sizes("size"), weights: WEIGHTS }),
      target: layoutFrom("target", { axes: sizes("keep"), weights: WEIGHTS }),
      kept,
      seed,
    };
  });

type Place = Record<string, number>;

const placesOf = (entry: WeightEntry): Place[] =>
  entry.dims
    .flat()
    .reduce<Place[]>(
      (sofar, { axis, size }) =>
        sofar.flatMap((place) => Array.from({ length: size }, (_, i) => ({ ...place, [axis]: i }))),
      [{}],
    );

const elementAt = (entry: WeightEntry, place: Place): number => {
  let element = 0;
  for (const { axis, size } of entry.dims.flat())
    element = element * size + (place[axis] ?? Number.NaN);
  return entry.offset / 4 + element;
};

/** The source's unit for a unit of the target: its along axes are looked up first, in the source's numbers. */
const sourceUnit = (kept: Kept, name: string, place: Place): number => {
  const unit = place[name] ?? Number.NaN;
  const cut = kept.get(name);
  if (cut === undefined) return unit;
  let row = 0;
  for (const step of cut.along) row = row * step.size + sourceUnit(kept, step.name, place);
  return cut.sets[row]?.[unit] ?? Number.NaN;
};

const defined = ({ source, target, kept }: Case, weights: Float32Array): Float32Array => {
  const arena = new Float32Array(target.bytes / 4);
  for (const entry of target.weights)
    for (const inside of placesOf(entry)) {
      const place: Place = entry.layer === null ? inside : { ...inside, layer: entry.layer };
      const from: Place = Object.fromEntries(
        Object.keys(place).map((name) => [name, sourceUnit(kept, name, place)]),
      );
      const origin = source.weights.find(
        (other) => other.weight === entry.weight && other.layer === (from.layer ?? null),
      );
      if (origin === undefined) throw new Error(`no ${entry.weight}`);
      arena[elementAt(entry, place)] = weights[elementAt(origin, from)] ?? Number.NaN;
    }
  return arena;
};

const pruned = (
  source: ModelLayout,
  weights: Float32Array,
  kept: Kept,
  target: ModelLayout,
): Promise<Float32Array> => arenaOf(prune(weightsIn(source, weights), kept, target));

/** Matrices whose rows are many to a read, or one, and a range of them. */
const ranges = fc
  .record({
    mlp: fc.integer({ min: 1, max: 20 }),
    hidden: fc.constantFrom(3, 70, 1500, 9000),
    share: fc.double({ min: 0.05, max: 1, noNaN: true }),
    from: fc.nat(),
    length: fc.integer({ min: 1, max: 200_000 }),
    seed: fc.nat(),
  })
  .map(({ mlp, hidden, share, ...rest }) => ({
    sizes: { mlp, hidden },
    keep: { mlp: Math.ceil(mlp * share), hidden: Math.ceil(hidden * share) },
    ...rest,
  }));

describe("prune", () => {
  test("is the gather by coordinates", () =>
    fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const weights = randomArena(one.source, one.seed);
        expect(await pruned(one.source, weights, one.kept, one.target)).toEqual(
          defined(one, weights),
        );
      }),
      { numRuns: 400 },
    ));

  test("reads any range of a weight, also of rows far apart", () =>
    fc.assert(
      fc.asyncProperty(ranges, async ({ sizes, keep, from, length, seed }) => {
        const form = {
          axes: sizes,
          weights: [{ name: "w", perLayer: false, dims: [["mlp"], ["hidden"]] }],
        };
        const source = layoutFrom("source", form);
        const kept = new Map(
          (["mlp", "hidden"] as const).map((axis, stream): [string, KeptAxis] => [
            axis,
            {
              axis,
              along: [],
              from: sizes[axis],
              keep: keep[axis],
              sets: [someOf(sizes[axis], keep[axis], seed, stream)],
            },
          ]),
        );
        const target = layoutFrom("target", { ...form, axes: keep });
        const arena = randomArena(source, seed);
        const [entry = never()] = target.weights;
        const tensor = prune(weightsIn(source, arena), kept, target).tensor(entry);
        const whole = defined({ source, target, kept, seed }, arena);
        const start = from % tensor.count;
        const part = new Float32Array(Math.min(length, tensor.count - start));
        await tensor.read(start, new Uint8Array(part.buffer));
        expect(part).toEqual(whole.subarray(start, start + part.length));
      }),
      { numRuns: 40 },
    ));

  test("to the full size changes no bit", () =>
    fc.assert(
      fc.asyncProperty(cases, async ({ source, seed }) => {
        const weights = randomArena(source, seed);
        const whole = AXES.map((name): [string, KeptAxis] => {
          const size = source.axes[name] ?? 0;
          const sets = [Array.from({ length: size }, (_, unit) => unit)];
          return [name, { axis: name, along: [], from: size, keep: size, sets }];
        });
        expect(await pruned(source, weights, new Map(whole), source)).toEqual(weights);
        expect(await pruned(source, weights, new Map(), source)).toEqual(weights);
      }),
    ));

  test("keeps bits, NaN's too", async () => {
    const layout = layoutFrom("x", {
      axes: { layer: 1, hidden: 3 },
      weights: [WEIGHTS[1] ?? never()],
    });
    const weights = new Float32Array(layout.bytes / 4);
    const bits = new Uint32Array(weights.buffer);
    bits.set([0x7fc01234, 0x80000000, 0xff800001]);
    const kept = new Map([
      ["hidden", { axis: "hidden", along: [], from: 3, keep: 2, sets: [[0, 1]] }],
    ]);
    const target = layoutFrom("y", {
      axes: { layer: 1, hidden: 2 },
      weights: [WEIGHTS[1] ?? never()],
    });
    const arena = await pruned(layout, weights, kept, target);
    expect([...new Uint32Array(arena.buffer).subarray(0, 3)]).toEqual([0x7fc01234, 0x80000000, 0]);
  });
});

const never = (): never => {
  throw new Error("unreachable");
};

test("lists with an entry for each layer keep those of the layers that stay", () => {
  const form = (layer: number, config: LayoutForm["config"] = {}): LayoutForm => ({
    axes: { layer, hidden: 2 },
    weights: [{ name: "norm", perLayer: true, dims: [["hidden"]] }],
    config,
  });
  const kinds = ["wide", "narrow", "wide", "far"];
  const source = { ...layoutFrom("x", form(4)), layerLists: { kinds, unwritten: [1, 2, 3, 4] } };
  const target = layoutFrom("y", form(2, { kinds: ["wide", "narrow"], depth: 2 }));
  const kept = { axis: "layer", along: [], from: 4, keep: 2, sets: [[1, 3]] };
  const { layout } = prune(
    weightsIn(source, randomArena(source, 1)),
    new Map([["layer", kept]]),
    target,
  );
  expect(layout.config).toEqual({ kinds: ["narrow", "far"], depth: 2 });
  expect(layout.layerLists).toEqual({ kinds: ["narrow", "far"], unwritten: [2, 4] });
});

test("weights kept in 16 bits stay in them, bit for bit", async () => {
  const form = (hidden: number) => ({
    axes: { hidden },
    weights: [{ name: "norm", perLayer: false, dims: [["hidden"]] }],
  });
  const halves = Uint16Array.of(0x7f81, 0x8000, 0x3f80, 0xffff);
  const source: Weights = {
    layout: layoutFrom("x", form(4)),
    tensor: () => ({
      dtype: "bf16",
      count: 4,
      read: async (start, into) => {
        into.set(new Uint8Array(halves.buffer, start * 2, into.length));
      },
    }),
    close: async () => undefined,
  };
  const hidden: KeptAxis = { axis: "hidden", along: [], from: 4, keep: 3, sets: [[0, 1, 3]] };
  const target = layoutFrom("y", form(3));
  const [entry = never()] = target.weights;
  const tensor = prune(source, new Map([["hidden", hidden]]), target).tensor(entry);
  const into = new Uint16Array(3);
  await tensor.read(0, new Uint8Array(into.buffer));
  expect([tensor.dtype, ...into]).toEqual(["bf16", 0x7f81, 0x8000, 0xffff]);
});

describe("what does not fit is refused", () => {
  const axes = { layer: 2, hidden: 3, group: 2, query: 2, dim: 1, mlp: 2 };
  const source = layoutFrom("source", { axes, weights: WEIGHTS });
  const weights = randomArena(source, 1);
  const attempt = (kept: KeptAxis, sizes: Partial<Record<AxisName, number>>, forms = WEIGHTS) => {
    const target = layoutFrom("target", { axes: { ...axes, ...sizes }, weights: forms });
    return () => prune(weightsIn(source, weights), new Map([[kept.axis, kept]]), target);
  };
  const hidden: KeptAxis = { axis: "hidden", along: [], from: 3, keep: 2, sets: [[0, 2]] };

  test.each<readonly [string, () => unknown, RegExp]>([
    [
      "a target of another size",
      attempt(hidden, { hidden: 1 }),
      /axis hidden of embed is 1, pruning keeps 2/,
    ],
    ["an axis uncut, yet smaller", attempt(hidden, { hidden: 2, mlp: 1 }), /axis mlp of odd is 1/],
    [
      "sets of another size",
      attempt({ ...hidden, from: 4 }, { hidden: 2 }),
      /hidden is 3, its kept sets are of 4/,
    ],
    ["too few sets", attempt({ ...hidden, sets: [] }, { hidden: 2 }), /0 kept sets, 1 wanted/],
    [
      "a unit that is not there",
      attempt({ ...hidden, sets: [[0, 3]] }, { hidden: 2 }),
      /not 2 of 3/,
    ],
    ["a set that is too short", attempt({ ...hidden, sets: [[0]] }, { hidden: 2 }), /not 2 of 3/],
    [
      "sets along an axis that a weight lacks",
      attempt(
        {
          ...hidden,
          along: [{ name: "group", size: 2 }],
          sets: [
            [0, 2],
            [1, 2],
          ],
        },
        { hidden: 2 },
      ),
      /axis hidden of embed is cut along axes that embed lacks/,
    ],
    [
      "a weight that the source lacks",
      attempt(hidden, { hidden: 2 }, [{ name: "new", perLayer: false, dims: [] }]),
      /source has no weight new/,
    ],
    ["more layers", attempt(hidden, { hidden: 2, layer: 3 }), /source has no weight q/],
  ])("%s", (_, act, says) => expect(act).toThrow(says));
});
