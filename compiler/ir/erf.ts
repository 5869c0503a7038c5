/** The error function in float64: 2/√π ∫₀ˣ exp(−t²) dt (Abramowitz and Stegun, 7.1.6 and 7.1.14). */

/** Below this the series converges in fewer terms than the fraction. */
const SERIES = 3;
const TERMS = 60;

/** 2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n + 1)!!, all of one sign. */
const series = (x: number): number => {
  let term = x;
  let sum = x;
  for (let n = 1; n <= TERMS; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
};

/** 1 − exp(−x²)/√π · 1/(x + ½/(x + 1/(x + 3⁄2/(x + …)))) */
const fraction = (x: number): number => {
  let below = x;
  for (let n = TERMS; n >= 1; n--) below = x + n / 2 / below;
  return 1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / below;
};

export const erf = (x: number): number => {
  const size = Math.abs(x);
  if (Number.isNaN(x)) return x;
  return Math.sign(x) * (size < SERIES ? series(size) : fraction(size));
};
