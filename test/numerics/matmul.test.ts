/** Every schedule of the matrix product against float64, on random shapes: few are multiples of a tile. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type MatmulSpec, matmul, referenceMatmul } from "../../kernels/matmul.kernel.js";
import { sharedDevice } from "../support/device.js";
import { poisoned, randomArray, worstError } from "../support/numbers.js";
import { runKernel, runnable } from "../support/run-kernel.js";

const size = (max: number) => fc.oneof(fc.integer({ min: 1, max }), fc.constantFrom(4, 8, 16, 32));

const specs: fc.Arbitrary<MatmulSpec> = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  m: size(70),
  n: size(70),
  k: size(130),
  layout: fc.constantFrom("nn" as const, "nt" as const, "tn" as const),
  accumulate: fc.boolean(),
});

test("the product of random shapes is that of float64, by every schedule", async () => {
  const device = await sharedDevice();
  await fc.assert(
    fc.asyncProperty(specs, fc.nat(), async (spec, seed) => {
      const { batch, m, n, k } = spec;
      const a = randomArray(batch * m * k, seed);
      const b = randomArray(batch * n * k, seed + 1);
      const count = batch * m * n;
      const c = spec.accumulate ? randomArray(count, seed + 2) : poisoned(count);
      const expected = referenceMatmul(spec, a, b, c);
      const call = matmul(spec);
      for (const variant of runnable(device, call)) {
        const results = await runKernel(device, call, variant, { a, b, c });
        expect(worstError(results.c, expected)).toBeLessThan(1e-6 * (k + 8));
      }
    }),
    { numRuns: 60 },
  );
});
