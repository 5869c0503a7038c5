/** The kernels of the update and the embedding gradient against float64, on random sizes and in pieces. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type AdamwSpec, adamw, referenceAdamw } from "../../kernels/adamw.kernel.js";
import {
  embeddingGradient,
  referenceEmbeddingGradient,
} from "../../kernels/embedding-gradient.kernel.js";
import {
  NORM_LARGE,
  NORM_PARTIALS,
  normFinish,
  normPartials,
  referenceNorm,
} from "../../kernels/global-norm.kernel.js";
import { randomIndex } from "../../laws/random.js";
import { bucketsOf } from "../../runtime/feeds.js";
import { everyDevice } from "../support/device.js";
import { poisoned, randomArray, worstError } from "../support/numbers.js";
import { runKernel } from "../support/run-kernel.js";

const devices = (await everyDevice()).map((device) => [device.report.device, device] as const);

const runs = { numRuns: 30 };

test.each(devices)("%s: AdamW takes the step of float64", async (_, device) => {
  const specs: fc.Arbitrary<AdamwSpec> = fc.record({
    count: fc.integer({ min: 1, max: 700 }),
    beta: fc.constantFrom([0.9, 0.95] as const, [0.9, 0.999] as const),
    epsilon: fc.constantFrom(1e-8, 1e-5),
    decay: fc.constantFrom(0, 0.1),
  });
  await fc.assert(
    fc.asyncProperty(specs, fc.nat(), fc.integer({ min: 1, max: 50 }), async (spec, seed, t) => {
      const weights = randomArray(spec.count, seed);
      const gradients = randomArray(spec.count, seed + 1);
      const first = randomArray(spec.count, seed + 2);
      const second = randomArray(spec.count, seed + 3).map(Math.abs);
      const [rate, scale] = [0.01, 0.37];
      const bias = [1 - spec.beta[0] ** t, 1 - spec.beta[1] ** t] as const;
      const expected = referenceAdamw(
        spec,
        {
          weights: Float64Array.from(weights),
          first: Float64Array.from(first),
          second: Float64Array.from(second),
        },
        gradients,
        { rate, bias, scale },
      );
      const scalars = Float32Array.of(rate, ...bias);
      const norm = Float32Array.of(Number.NaN, scale);
      const operands = { weights, gradients, first, second, scalars, norm };
      const found = await runKernel(device, adamw(spec), 0, operands);
      expect(worstError(found.first, expected.first)).toBeLessThan(1e-6);
      expect(worstError(found.second, expected.second)).toBeLessThan(1e-6);
      // Where the second moment is near 0, the step is sensitive to its rounding.
      const steps = expected.weights.map((w, i) => Math.abs(w - (weights[i] ?? 0)));
      const most = steps.reduce((a, b) => Math.max(a, b), 0);
      expect(worstError(found.weights, expected.weights)).toBeLessThan(1e-6 + 1e-4 * most);
    }),
    runs,
  );
});

test.each(
  devices,
)("%s: the global norm over several arenas and its clipping are those of float64", async (_, device) => {
  const counts = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 3 });
  // Of large arenas, whose partial sums may be those of workgroups; small ones are tried, as the text is the same.
  const { variants } = normPartials(NORM_LARGE);
  expect(variants.length).toBe(2);
  const clips = fc.constantFrom(null, 0.01, 1000);
  await fc.assert(
    fc.asyncProperty(counts, clips, fc.nat(), fc.nat(1), async (sizes, clip, seed, variant) => {
      const factor = 0.25;
      const arenas = sizes.map((count, at) => randomArray(count, seed + at));
      const partials = poisoned(NORM_PARTIALS * sizes.length);
      for (const [at, gradients] of arenas.entries()) {
        const call = { ...normPartials(gradients.length), variants };
        const sums = await runKernel(device, call, variant, {
          gradients,
          partials: poisoned(NORM_PARTIALS),
        });
        partials.set(sums.partials ?? [], at * NORM_PARTIALS);
      }
      const call = normFinish(factor, clip, partials.length);
      const found = await runKernel(device, call, 0, { partials, out: poisoned(2) });
      const all = arenas.flatMap((arena) => [...arena]);
      const [norm, scale] = referenceNorm(all, factor, clip);
      expect(found.out?.[0]).toBeCloseTo(norm, 4);
      expect((found.out?.[1] ?? 0) / scale).toBeCloseTo(1, 4);
    }),
    runs,
  );
});

test.each(
  devices,
)("%s: the embedding gradient is that of float64, whole and in pieces", async (_, device) => {
  const shapes = fc.record({
    rows: fc.integer({ min: 1, max: 40 }),
    columns: fc.integer({ min: 1, max: 40 }),
    tokens: fc.integer({ min: 1, max: 90 }),
    accumulate: fc.boolean(),
    cut: fc.integer({ min: 1, max: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(shapes, fc.nat(), async ({ cut, ...spec }, seed) => {
      const { rows, columns, tokens } = spec;
      const value = randomArray(tokens * columns, seed);
      const indices = Uint32Array.from({ length: tokens }, (_, i) => randomIndex(seed, 3, i, rows));
      const buckets = bucketsOf(indices, rows);
      const out = spec.accumulate
        ? randomArray(rows * columns, seed + 1)
        : poisoned(rows * columns);
      const expected = referenceEmbeddingGradient(spec, value, indices, out);
      const whole = await runKernel(device, embeddingGradient(spec), 0, { value, buckets, out });
      expect(worstError(whole.out, expected)).toBeLessThan(1e-5);
      for (let start = 0; start < rows; start += cut) {
        const length = Math.min(cut, rows - start);
        const base = start % 5;
        const part = new Float32Array(base + length * columns);
        part.set(out.subarray(start * columns, (start + length) * columns), base);
        const call = embeddingGradient({ ...spec, piece: { start, length, base } });
        const found = await runKernel(device, call, 0, { value, buckets, out: part });
        const own = expected.subarray(start * columns, (start + length) * columns);
        expect(worstError(found.out?.subarray(base), own)).toBeLessThan(1e-5);
      }
    }),
    runs,
  );
});
