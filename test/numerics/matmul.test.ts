/** Every schedule of the matrix product against float64, on random shapes: few are multiples of a tile. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { foldGroups, type KernelCall } from "../../kernels/kernel.js";
import {
  byWorkgroup,
  type MatmulSpec,
  matmul,
  referenceMatmul,
} from "../../kernels/matmul.kernel.js";
import { F32_OPERANDS, type MatrixPlace, type OperandTypes } from "../../kernels/matmul-params.js";
import {
  type SubgroupTile,
  subgroupGroups,
  subgroupWgsl,
  subgroupWorkgroup,
} from "../../kernels/matmul-subgroup.js";
import { everyDevice, sharedDevice } from "../support/device.js";
import { poisoned, randomArray, worstError } from "../support/numbers.js";
import { runKernel, runnable } from "../support/run-kernel.js";
import { expectSameBits, type Written } from "../support/same-bits.js";
import { storedAs } from "../support/stored-as.js";

const shared = await sharedDevice();

/** Lavapipe's compiler takes seconds for what the embedded adapter's takes tenths for. */
const cases = (await everyDevice()).map((device) => ({
  name: device.report.device,
  device,
  runs: device === shared ? 40 : 5,
}));

const byWorkgroups = ({ variants }: KernelCall, index: number): boolean =>
  variants[index]?.name.startsWith("workgroup") === true;

/** Every schedule, with a small tile for those in workgroup memory, as software compiles one for each invocation. */
const everySchedule = (spec: MatmulSpec): KernelCall => {
  const call = matmul(spec);
  const others = call.variants.filter((_, index) => !byWorkgroups(call, index));
  return { ...call, variants: [...others, byWorkgroup(spec, { size: 16, depth: 8, own: 4 })] };
};

const size = (max: number) => fc.oneof(fc.integer({ min: 1, max }), fc.constantFrom(4, 8, 16, 32));

/** Fours, which the schedules that read in fours want, or any. */
const sizes = fc.oneof(
  fc.record({ m: size(70), n: size(70), k: size(130) }),
  fc
    .record({ m: size(20), n: size(20), k: size(33) })
    .map(({ m, n, k }) => ({ m: 4 * m, n: 4 * n, k: 4 * k })),
);

const specs: fc.Arbitrary<MatmulSpec> = fc
  .record({
    sizes,
    batch: fc.integer({ min: 1, max: 3 }),
    layout: fc.constantFrom("nn" as const, "nt" as const, "tn" as const),
    accumulate: fc.boolean(),
  })
  .map(({ sizes, ...rest }) => ({ ...sizes, ...rest }));

test.each(
  cases,
)("$name: the product of random shapes is that of float64, by every schedule, and the same bits by those of one size of subgroup", async ({
  device,
  runs,
}) => {
  await fc.assert(
    fc.asyncProperty(specs, fc.nat(), async (spec, seed) => {
      const { batch, m, n, k } = spec;
      const a = randomArray(batch * m * k, seed);
      const b = randomArray(batch * n * k, seed + 1);
      const count = batch * m * n;
      const c = spec.accumulate ? randomArray(count, seed + 2) : poisoned(count);
      const expected = referenceMatmul(spec, a, b, c);
      const call = everySchedule(spec);
      const written: Written[] = [];
      for (const variant of runnable(device, call)) {
        const results = await runKernel(device, call, variant, { a, b, c });
        expect(worstError(results.c, expected)).toBeLessThan(1e-6 * (k + 8));
        written.push([variant, results]);
      }
      expectSameBits(call, written);
    }),
    { numRuns: runs },
  );
});

test.each([
  ["nt", 132, 68, 36],
  ["nn", 130, 67, 35],
  ["tn", 64, 260, 17],
] as const)("tiles in workgroup memory: %s of %i × %i × %i", async (layout, m, n, k) => {
  const spec: MatmulSpec = { batch: 2, m, n, k, layout, accumulate: false };
  const [a, b] = [randomArray(2 * m * k, m), randomArray(2 * n * k, n)];
  const expected = referenceMatmul(spec, a, b, []);
  const call = matmul(spec);
  const tiled = runnable(shared, call).filter((index) => byWorkgroups(call, index));
  expect(tiled.length).toBe(4);
  for (const variant of tiled) {
    const operands = { a, b, c: poisoned(2 * m * n) };
    const { c } = await runKernel(shared, call, variant, operands);
    expect(worstError(c, expected)).toBeLessThan(1e-6 * (k + 8));
  }
});

/** The schedule for 32 lanes needs a GPU; its text is the same for fewer. */
test.each(cases)("$name: what is written for 32 lanes, at the adapter's own", async ({
  device,
}) => {
  const lanes = device.report.features.includes("subgroups-of-4") ? 4 : 8;
  const tile: SubgroupTile = {
    lanes,
    rows: lanes,
    columns: 2,
    spread: "broadcast",
    sums: "variables",
    order: "by row",
  };
  for (const [layout, packed] of [
    ["nn", false],
    ["nt", true],
    ["tn", false],
  ] as const) {
    const spec: MatmulSpec = { batch: 2, m: 30, n: 44, k: 24, layout, accumulate: false };
    const [a, b] = [randomArray(2 * 30 * 24, 1), randomArray(2 * 44 * 24, 2)];
    const call: KernelCall = {
      ...matmul(spec),
      variants: [
        {
          name: "at fewer lanes",
          wgsl: subgroupWgsl({
            layout,
            tile,
            packed,
            writtenInFours: false,
            accumulate: false,
            types: F32_OPERANDS,
          }),
          workgroup: [subgroupWorkgroup(tile), 1, 1],
          workgroups: foldGroups(subgroupGroups(tile, 2, 30, 44)),
          features: [],
        },
      ],
    };
    const { c } = await runKernel(device, call, 0, { a, b, c: poisoned(2 * 30 * 44) });
    const expected = referenceMatmul(spec, a, b, []);
    expect(worstError(c, expected), layout).toBeLessThan(3e-5);
  }
});

/** How a matrix of `rows` × `columns` lies in its binding: after `offset` elements, rows and matrices apart. */
interface Gaps {
  readonly offset: number;
  readonly row: number;
  readonly step: number;
}

// Often in fours, as the packed schedules want them.
const gap = fc.oneof(fc.constantFrom(0, 4, 8), fc.nat(9));
const gaps: fc.Arbitrary<Gaps> = fc.record({ offset: gap, row: gap, step: gap });

interface Placed {
  readonly place: MatrixPlace;
  /** The binding; not a number wherever no matrix lies. */
  readonly data: Float32Array;
  /** Where each element of the matrices lies. */
  readonly at: readonly number[];
}

const placed = (
  values: ArrayLike<number>,
  [batch, rows, columns]: readonly [number, number, number],
  { offset, row, step }: Gaps,
): Placed => {
  const place = { offset, row: columns + row, step: rows * (columns + row) + step };
  const data = poisoned(offset + batch * place.step);
  const at = Array.from({ length: batch * rows * columns }, (_, i) => {
    const [z, inside] = [Math.floor(i / (rows * columns)), i % (rows * columns)];
    return offset + z * place.step + Math.floor(inside / columns) * place.row + (inside % columns);
  });
  at.forEach((to, i) => {
    data[to] = values[i] ?? Number.NaN;
  });
  return { place, data, at };
};

test.each(
  cases,
)("$name: matrices with gaps between rows and about them: nothing else is read or written", async ({
  device,
  runs,
}) => {
  await fc.assert(
    fc.asyncProperty(specs, fc.nat(), gaps, gaps, gaps, async (spec, seed, inA, inB, inC) => {
      const { batch, m, n, k, layout, accumulate } = spec;
      const [a, b] = [randomArray(batch * m * k, seed), randomArray(batch * n * k, seed + 1)];
      const before = accumulate ? randomArray(batch * m * n, seed + 2) : poisoned(batch * m * n);
      const expected = referenceMatmul(spec, a, b, before);
      const left = placed(a, layout === "tn" ? [batch, k, m] : [batch, m, k], inA);
      const right = placed(b, layout === "nt" ? [batch, n, k] : [batch, k, n], inB);
      const out = placed(before, [batch, m, n], inC);
      const places = { a: left.place, b: right.place, c: out.place };
      const call = everySchedule({ ...spec, places });
      for (const variant of runnable(device, call)) {
        const operands = { a: left.data, b: right.data, c: out.data };
        const { c } = await runKernel(device, call, variant, operands);
        const found = out.at.map((at) => c?.[at] ?? Number.NaN);
        expect(worstError(found, expected)).toBeLessThan(1e-6 * (k + 8));
        expect(c?.filter((value) => !Number.isNaN(value)).length).toBe(found.length);
      }
    }),
    { numRuns: runs },
  );
});

/** Of many sizes: f16 has no f32's exponents, so its smallest are not normal. */
const spread = (values: Float32Array): Float32Array =>
  values.map((value, i) => value * 2 ** -(i % 20));

const types = fc.constantFrom<OperandTypes>(
  { a: "f32", b: "bf16" },
  { a: "f32", b: "f16" },
  { a: "bf16", b: "f16" },
);

test.each(
  cases,
)("$name: operands stored in 16 bits give the bits of the same in f32, by every schedule", async ({
  device,
  runs,
}) => {
  await fc.assert(
    fc.asyncProperty(specs, fc.nat(), types, async (spec, seed, types) => {
      const { batch, m, n, k } = spec;
      const a = storedAs(spread(randomArray(batch * m * k, seed)), types.a);
      const b = storedAs(spread(randomArray(batch * n * k, seed + 1)), types.b);
      const c = randomArray(batch * m * n, seed + 2);
      const [whole, half] = [matmul(spec), matmul({ ...spec, types })];
      for (const variant of runnable(device, whole)) {
        const expected = await runKernel(device, whole, variant, { a: a.values, b: b.values, c });
        const found = await runKernel(device, half, variant, { a: a.data, b: b.data, c });
        expect(found.c).toEqual(expected.c);
      }
    }),
    { numRuns: Math.ceil(runs / 8) },
  );
});
