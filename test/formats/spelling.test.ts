/** Numbers keep the spelling of the file they came from, where they are still the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { spelledAs } from "../../runtime/formats/spelling.js";

test("floats that are whole stay floats, changed numbers are written anew", () => {
  const original =
    '{"cap": 4.0, "theta": 1e4, "eps": 1e-05, "size": 8, "rope": {"factor": 8.0}, "list": [1.0, 2, 3.0]}';
  const value = { ...JSON.parse(original), size: 4, list: [1, 2, 4], rope: { factor: 8, more: 2 } };
  expect(spelledAs(value, original).replaceAll(/\s+/g, "")).toBe(
    '{"cap":4.0,"theta":1e4,"eps":1e-05,"size":4,"rope":{"factor":8.0,"more":2},"list":[1.0,2,4]}',
  );
});

test("a list or an object in another's place is written as it is", () => {
  expect(
    spelledAs({ a: [1], b: { c: 1 }, d: null }, '{"a": {"0": 1.0}, "b": [1.0], "d": 1.0}'),
  ).toBe(JSON.stringify({ a: [1], b: { c: 1 }, d: null }, null, 2));
});

test("any value reads back as it was", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (value, other) => {
      const read: unknown = JSON.parse(spelledAs(value, JSON.stringify(other)));
      expect(read).toEqual(JSON.parse(JSON.stringify(value)));
      expect(spelledAs(value, JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
    }),
  );
});
