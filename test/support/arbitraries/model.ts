/**
 * Random small models: sizes in words that no architecture owns (support/architectures.ts says what they are called
 * there), odd primes among them, and a seed that all numbers derive from. Smaller integers are simpler models.
 */
import fc from "fast-check";

export interface ModelCase {
  /** Which of ARCHITECTURES. */
  readonly kind: number;
  readonly layers: number;
  readonly width: number;
  readonly groups: number;
  /** Heads of a group. */
  readonly heads: number;
  /** Half the size of a head. */
  readonly half: number;
  readonly inner: number;
  readonly words: number;
  readonly biases: boolean;
  readonly tied: boolean;
  /** Sizes that config.json need not say are left out of it. */
  readonly terse: boolean;
  readonly seed: number;
  /** What stays of each axis that can be cut: all where it is a multiple of the size, else the remainder. */
  readonly keeps: readonly number[];
  readonly windows: number;
  readonly positions: number;
}

const size = fc.constantFrom(1, 2, 3, 5, 7);

export const modelCase: fc.Arbitrary<ModelCase> = fc.record({
  kind: fc.nat(1),
  layers: fc.integer({ min: 1, max: 3 }),
  width: size,
  groups: fc.integer({ min: 1, max: 3 }),
  heads: fc.integer({ min: 1, max: 3 }),
  half: fc.integer({ min: 1, max: 2 }),
  inner: size,
  words: size,
  biases: fc.boolean(),
  tied: fc.boolean(),
  terse: fc.boolean(),
  seed: fc.nat(1_000_000),
  keeps: fc.array(fc.nat(100), { minLength: 6, maxLength: 6 }),
  windows: fc.integer({ min: 1, max: 3 }),
  positions: fc.integer({ min: 1, max: 4 }),
});
