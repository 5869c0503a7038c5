/** Arrays for kernels: random ones by seed, poisoned ones, and how far a result is from its reference. */
import { randomValue } from "../../laws/random.js";

/** Values in (-1, 1), a function of the seed. */
export const randomArray = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => randomValue(seed, 7, i));

/** What a kernel must overwrite: any element left shows. */
export const poisoned = (count: number): Float32Array => new Float32Array(count).fill(Number.NaN);

/** The largest absolute difference; infinite where the sizes differ or a value is not a number. */
export const worstError = (
  found: ArrayLike<number> | undefined,
  expected: ArrayLike<number>,
): number => {
  if (found === undefined || found.length !== expected.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs((found[i] ?? Number.NaN) - (expected[i] ?? 0));
    if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return worst;
};
