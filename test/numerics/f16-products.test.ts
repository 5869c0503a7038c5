/**
 * Products in f16 against float64, on the adapters that have it. Rounding an operand moves it by at most one unit in the
 * last of f16's 11 digits (WGSL lets a driver round up or down) or, near zero, by f16's smallest number; products of two
 * such numbers are exact in f32, and so the error of a sum of k products is bounded, number by number.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import type { Graph } from "../../compiler/ir/tensor.js";
import { lower } from "../../compiler/schedule/lower.js";
import { portableTarget } from "../../compiler/schedule/target.js";
import type { KernelCall } from "../../kernels/kernel.js";
import {
  byWorkgroup,
  type MatmulSpec,
  matmul,
  referenceMatmul,
} from "../../kernels/matmul.kernel.js";
import { createExecutor } from "../../runtime/execute.js";
import { createTuning } from "../../runtime/tune.js";
import { everyDevice } from "../support/device.js";
import { poisoned, randomArray } from "../support/numbers.js";
import { runKernel, runnable } from "../support/run-kernel.js";
import { storedAs } from "../support/stored-as.js";

const devices = (await everyDevice()).filter(({ report }) =>
  report.features.includes("shader-f16"),
);
const cases = devices.map((device) => ({ name: device.report.device, device }));

/** Of one operand, relative and absolute. */
const DIGIT = 2 ** -10;
const SMALLEST = 2 ** -24;

const absolute = (values: ArrayLike<number>): Float64Array =>
  Float64Array.from(values, (value) => Math.abs(value));
const ones = (count: number): Float64Array => new Float64Array(count).fill(1);

/** The most that each number of the product may be off. */
const boundOf = (spec: MatmulSpec, a: ArrayLike<number>, b: ArrayLike<number>): Float64Array => {
  const alone = { ...spec, accumulate: false };
  const [left, right] = [absolute(a), absolute(b)];
  const sizes = referenceMatmul(alone, left, right, []);
  const ofB = referenceMatmul(alone, ones(a.length), right, []);
  const ofA = referenceMatmul(alone, left, ones(b.length), []);
  const relative = (1 + DIGIT) ** 2 - 1 + (spec.k + 8) * 2 ** -23;
  return sizes.map(
    (size, i) => relative * size + SMALLEST * ((ofA[i] ?? 0) + (ofB[i] ?? 0)) + 2 ** -23,
  );
};

/** Numbers of all sizes that f16 has, the smallest not normal. */
const spread = (values: Float32Array): Float32Array =>
  values.map((value, i) => value * 2 ** (12 - (i % 36)));

/**
 * Every schedule, with a small tile for those in workgroup memory, as software compiles one for each invocation; those by
 * subgroups, which take seconds to compile, of one layout alone.
 */
const everySchedule = (spec: MatmulSpec): KernelCall => {
  const call = matmul(spec);
  const others = call.variants.filter(
    ({ name }) =>
      !name.startsWith("workgroup") && (spec.layout === "nt" || /^(plain|packed)/.test(name)),
  );
  return { ...call, variants: [...others, byWorkgroup(spec, { size: 16, depth: 16, own: 4 })] };
};

const outside = (found: ArrayLike<number>, expected: Float64Array, bound: Float64Array): number =>
  Array.from(found).filter((value, i) => !(Math.abs(value - (expected[i] ?? 0)) <= (bound[i] ?? 0)))
    .length;

test.each(
  cases.flatMap(({ name, device }) =>
    (
      [
        ["nt", "f16", 36, 20, 40, false],
        ["nn", "bf16", 33, 19, 37, true],
        ["tn", "f32", 20, 36, 24, false],
      ] as const
    ).map((shape) => ({ name, device, shape })),
  ),
)("$name: within the bound, $shape", async ({ device, shape }) => {
  const [layout, dtype, m, n, k, accumulate] = shape;
  const types = { a: "f32", b: dtype, arithmetic: "f16" } as const;
  const spec: MatmulSpec = { batch: 2, m, n, k, layout, accumulate, types };
  const call = everySchedule(spec);
  expect(call.variants.every(({ features }) => features.includes("shader-f16"))).toBe(true);
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const a = spread(randomArray(2 * m * k, seed));
      const b = storedAs(spread(randomArray(2 * n * k, seed + 1)), dtype);
      const c = accumulate ? randomArray(2 * m * n, seed + 2) : poisoned(2 * m * n);
      const expected = referenceMatmul(spec, a, b.values, c);
      const bound = boundOf(spec, a, b.values);
      for (const variant of runnable(device, call)) {
        const found = await runKernel(device, call, variant, { a, b: b.data, c });
        expect(outside(found.c ?? [], expected, bound), call.variants[variant]?.name).toBe(0);
      }
    }),
    { numRuns: 5 },
  );
});

/** Elsewhere a compiler may leave the rounding out, and Mesa's does: the product is then the more exact one of f32. */
test.each(cases)("$name: strips in workgroup memory are f16", async ({ device }) => {
  const types = { a: "f32", b: "f32", arithmetic: "f16" } as const;
  const sizes = { batch: 1, m: 8, n: 8, k: 8 } as const;
  const spec: MatmulSpec = { ...sizes, layout: "nt", accumulate: false, types };
  const call: KernelCall = {
    ...matmul(spec),
    variants: [byWorkgroup(spec, { size: 16, depth: 16, own: 4 })],
  };
  const a = new Float32Array(64).fill(1 + 2 ** -12);
  const b = new Float32Array(64).fill(1);
  const { c } = await runKernel(device, call, 0, { a, b, c: poisoned(64) });
  // 8 × 1, or 8 × (1 + 2^-10): never the 8 + 2^-9 of f32.
  expect([8, 8 + 2 ** -7]).toContain(c?.[0]);
});

const [WINDOW, HIDDEN, OUT] = [
  { name: "window", size: 6 },
  { name: "hidden", size: 24 },
  { name: "out", size: 12 },
] as const;

const product = (): Graph => {
  const builder = new Builder();
  const x = builder.input("x", [WINDOW, HIDDEN]);
  const w = builder.input("w", [OUT, HIDDEN]);
  return { outputs: { y: builder.contract(x, w, ["hidden"]) } };
};

/** Rows of activations: of usual sizes, beyond f16 by far, below it by far, mixed, and nothing at all. */
const ROWS = [1, 1e6, 1e30, 1e-25, 1, 0] as const;

test.each(cases)("$name: activations beyond f16 and below it lose no more than others", async ({
  device,
}) => {
  const placement = {
    inputs: new Map([
      ["x", { kind: "feed", source: { kind: "tokens" } } as const],
      [
        "w",
        {
          kind: "state",
          state: "weights",
          stateBytes: 4 * OUT.size * HIDDEN.size,
          offset: 0,
          arithmetic: "f16",
        } as const,
      ],
    ]),
    outputs: new Map(),
  };
  const { program, kernels } = lower("product", product(), placement, portableTarget);
  expect(program.dispatches.some(({ tuning }) => / in f16 /.test(tuning))).toBe(true);
  const tuning = createTuning(device.report, {}, { tune: false, folder: null });
  const executor = createExecutor(device, kernels, tuning, { poison: true });
  const loaded = await executor.load(program);
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const [k, n] = [HIDDEN.size, OUT.size];
      const weights = randomArray(n * k, seed);
      const x = randomArray(WINDOW.size * k, seed + 1).map((value, i) => {
        const row = Math.floor(i / k);
        // In a row of its own numbers of many sizes stand side by side.
        return value * (ROWS[row] ?? 1) * (row === 4 ? 10 ** ((i % 9) - 4) : 1);
      });
      executor.write("weights", 0, weights);
      await loaded.run({ x });
      const found = await loaded.output("y");
      for (let row = 0; row < WINDOW.size; row++) {
        const own = x.subarray(row * k, (row + 1) * k);
        const spec: MatmulSpec = { batch: 1, m: 1, n, k, layout: "nt", accumulate: false };
        const expected = referenceMatmul(spec, own, weights, []);
        const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const scale = 2 ** 14 / Math.max(largest, 2 ** -100);
        const bound = boundOf(
          spec,
          own.map((value) => value * scale),
          weights,
        ).map((most) => most / scale);
        expect(outside(found.subarray(row * n, (row + 1) * n), expected, bound)).toBe(0);
      }
    }),
    { numRuns: 20 },
  );
  loaded.dispose();
});
