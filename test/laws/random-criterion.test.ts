/** The criterion `random`: uniform, a function of seed, layer and unit alone, and unlike from one to the next. */
import { expect, test } from "vitest";
import { total } from "../../laws/dense.js";
import type { Model } from "../../laws/model.js";
import * as product from "./product.js";
import { criterionOf, libraryWith, shapeOf } from "./subjects.js";

const UNITS = 4000;

const config = {
  architectures: ["LlamaForCausalLM"],
  num_hidden_layers: 2,
  hidden_size: 2,
  num_attention_heads: 1,
  intermediate_size: UNITS,
  vocab_size: 2,
};

const shape = shapeOf(product, libraryWith(product, {}), config);
const layout = product.layoutOf("model", shape, 0);
const model: Model = { shape, layout, arena: new Float32Array(0) };

/** Scores of the neurons of both layers. */
const drawn = (seed: number): readonly (readonly number[])[] => {
  const criteria = new Map([["mlp", criterionOf(product, shape.library, "random")]]);
  const data = { seed, windows: 1, positions: 1 };
  const { graph } = product.scoreGraph(model, data, criteria);
  const found = product.interpret(graph, new Map());
  return ["mlp@0", "mlp@1"].map((name) => [...(found[name]?.data ?? [])]);
};

const mean = (values: readonly number[]): number => total(values) / values.length;
const correlation = (left: readonly number[], right: readonly number[]): number =>
  mean(left.map((value, i) => (value - 0.5) * ((right[i] ?? 0) - 0.5))) * 12;

test.each([0, 1, 2, 42, 123_456_789])("seed %i gives numbers that look drawn", (seed) => {
  const [first = [], second = []] = drawn(seed);
  // Ten standard errors would be 0.046 of a mean of 4,000 and 0.16 of a correlation.
  for (const values of [first, second]) {
    expect(values).toHaveLength(UNITS);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    expect(new Set(values).size).toBeGreaterThan(UNITS - 10);
    expect(mean(values)).toBeCloseTo(0.5, 1.3);
    const tenths = values.map((value) => Math.floor(value * 10));
    for (let tenth = 0; tenth < 10; tenth++)
      expect(tenths.filter((t) => t === tenth).length / UNITS).toBeCloseTo(0.1, 1.3);
    for (const lag of [1, 2, 3, 64])
      expect(Math.abs(correlation(values.slice(lag), values))).toBeLessThan(0.08);
  }
  expect(Math.abs(correlation(first, second))).toBeLessThan(0.08);
  const [next = []] = drawn(seed + 1);
  expect(Math.abs(correlation(first, next))).toBeLessThan(0.08);
});

test("the same seed gives the same numbers", () => {
  expect(drawn(7)).toEqual(drawn(7));
});
