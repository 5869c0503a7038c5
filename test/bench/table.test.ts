/** What the benchmark makes of its measurements. */
import { expect, test } from "vitest";
import { differenceOf, type LineResult, type Measured, median } from "../../bench/measure.js";
import { absences, ratioTable } from "../../bench/table.js";

const measured = (contestant: Measured["contestant"], ms: number): Measured => ({
  ...{ contestant, about: "", ms, samples: [ms], memory: 100 * 2 ** 20, difference: 0 },
});

const line: LineResult = {
  family: "product",
  name: "small",
  unit: "GFLOP/s",
  work: 0.5,
  measured: [measured("espalier", 50), measured("jax-js", 170)],
  absent: [{ contestant: "TensorFlow.js", reason: "its result differs by 0.5\nat the first" }],
};

test("the median of an even number of samples lies between the middle two", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test("differences are relative to the largest value, and what is no number differs", () => {
  const reference = [Float32Array.of(1, -4)];
  expect(differenceOf([Float32Array.of(1, -3)], reference)).toBe(0.25);
  expect(differenceOf([Float32Array.of(Number.NaN, -4)], reference)).toBe(Number.POSITIVE_INFINITY);
  expect(differenceOf([Float32Array.of(1)], reference)).toBe(Number.POSITIVE_INFINITY);
  expect(differenceOf([], reference)).toBe(Number.POSITIVE_INFINITY);
});

test("a peer's cell says how many times longer it takes, and what it held", () => {
  expect(ratioTable([line])).toBe(
    [
      "|               | Espalier | speed        | memory  | jax-js        |",
      "| ------------- | -------- | ------------ | ------- | ------------- |",
      "| product small | 50.0 ms  | 10.0 GFLOP/s | 100 MiB | 3.4×, 100 MiB |",
    ].join("\n"),
  );
});

test("who is not in a line is told with the first line of the reason", () => {
  expect(absences([line, line])).toEqual(["TensorFlow.js, product: its result differs by 0.5"]);
});
