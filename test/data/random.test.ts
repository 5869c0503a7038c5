/** Random numbers and orders: the published vectors, and what resume relies on. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchAt, shuffledWindows, windowAt } from "../../runtime/data/order.js";
import { keyOf, philox, streamOf, wholeBelow } from "../../runtime/data/random.js";

const word = fc.integer({ min: 0, max: 0xffffffff });

describe("philox", () => {
  test("gives the vectors of its authors (Random123, kat_vectors)", () => {
    const f = 0xffffffff;
    expect(philox([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    expect(philox([f, f, f, f], [f, f])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
    expect(
      philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
    ).toEqual([0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]);
  });

  test("is what its definition gives in 64-bit whole numbers", () => {
    const defined = (counter: readonly number[], key: readonly number[]): number[] => {
      let [a = 0n, b = 0n, c = 0n, d = 0n] = counter.map(BigInt);
      let [k = 0n, l = 0n] = key.map(BigInt);
      const low = (x: bigint): bigint => x & 0xffffffffn;
      for (let round = 0; round < 10; round++) {
        const [p, q] = [0xd2511f53n * a, 0xcd9e8d57n * c];
        [a, b, c, d] = [(q >> 32n) ^ b ^ k, low(q), (p >> 32n) ^ d ^ l, low(p)];
        [k, l] = [low(k + 0x9e3779b9n), low(l + 0xbb67ae85n)];
      }
      return [a, b, c, d].map(Number);
    };
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        expect(philox(counter, key)).toEqual(defined(counter, key));
      }),
      { numRuns: 500 },
    );
  });

  test("whole numbers stay below their bound, keys and streams differ", () => {
    fc.assert(
      fc.property(
        fc.tuple(word, word, word, word),
        fc.integer({ min: 1, max: 2 ** 32 }),
        (w, n) => {
          const value = wholeBelow(w, n);
          return Number.isInteger(value) && value >= 0 && value < n;
        },
      ),
    );
    expect(wholeBelow([0xffffffff, 0xffffffff, 0, 0], 10)).toBe(9);
    expect(keyOf(2 ** 32 + 5)).toEqual([5, 1]);
    expect(streamOf("")).toBe(0x811c9dc5);
    expect(streamOf("foobar")).toBe(0xbf9cf968);
  });
});

describe("the order of windows", () => {
  const count = fc.integer({ min: 1, max: 60 });
  const seed = fc.nat();

  test("each epoch has every window once", () => {
    fc.assert(
      fc.property(seed, fc.nat({ max: 9 }), count, (seed, epoch, count) => {
        const seen = Array.from({ length: count }, (_, i) => windowAt(seed, "a", epoch, i, count));
        expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
      }),
    );
  });

  test("batches follow each other over epochs, whatever step is asked for first", () => {
    const arbitrary = fc.record({ seed, count, size: fc.integer({ min: 1, max: 9 }) });
    fc.assert(
      fc.property(arbitrary, ({ seed, count, size }) => {
        const steps = Array.from({ length: 20 }, (_, step) => step);
        const forwards = steps.map((step) => batchAt(seed, "heal", step, size, count));
        const backwards = steps
          .toReversed()
          .map((step) => batchAt(seed, "heal", step, size, count));
        expect(backwards.toReversed()).toEqual(forwards);
        const stream = forwards.flat();
        const epochs = Math.floor(stream.length / count);
        for (let epoch = 0; epoch < epochs; epoch++)
          expect(new Set(stream.slice(epoch * count, (epoch + 1) * count)).size).toBe(count);
        expect(stream.slice(0, count)).toEqual(
          shuffledWindows(seed, "heal", count).slice(0, stream.length),
        );
      }),
    );
  });

  test("stays as it is: a change would change every run", () => {
    expect(shuffledWindows(0, "healed", 12)).toEqual([8, 7, 2, 10, 1, 5, 6, 4, 9, 0, 11, 3]);
    expect(batchAt(7, "healed", 1000, 4, 524)).toEqual([26, 240, 225, 118]);
  });

  test("differs by seed, stage and epoch", () => {
    const first = shuffledWindows(1, "a", 100);
    expect(shuffledWindows(2, "a", 100)).not.toEqual(first);
    expect(shuffledWindows(1, "b", 100)).not.toEqual(first);
    expect(batchAt(1, "a", 1, 100, 100)).not.toEqual(first);
    expect(batchAt(1, "a", 0, 100, 100)).toEqual(first);
  });

  test("is fair: each of the orders of 3 about equally often", () => {
    const seen = new Map<string, number>();
    for (let seed = 0; seed < 6000; seed++) {
      const order = shuffledWindows(seed, "a", 3).join("");
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(6);
    // Five standard deviations of a count of mean 1000.
    for (const times of seen.values()) expect(Math.abs(times - 1000)).toBeLessThan(145);
  });

  test("beyond its places there is nothing", () => {
    expect(() => windowAt(1, "a", 0, 3, 3)).toThrow(RangeError);
  });
});
