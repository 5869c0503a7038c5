import fc from "fast-check";
import { expect, test } from "vitest";
import { bucketsOf } from "../../runtime/feeds.js";

test("buckets hold every position once, by value, in order", () => {
  const cases = fc
    .integer({ min: 1, max: 20 })
    .chain((size) =>
      fc.tuple(fc.constant(size), fc.array(fc.nat({ max: size - 1 }), { maxLength: 60 })),
    );
  fc.assert(
    fc.property(cases, ([size, values]) => {
      const buckets = bucketsOf(new Uint32Array(values), size);
      const starts = buckets.subarray(0, size + 1);
      const positions = buckets.subarray(size + 1);
      for (let value = 0; value < size; value++) {
        const owned = [...positions.subarray(starts[value], starts[value + 1])];
        const expected = values.flatMap((found, position) => (found === value ? [position] : []));
        expect(owned).toEqual(expected);
      }
      expect(starts[size]).toBe(values.length);
    }),
  );
});
