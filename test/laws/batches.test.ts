/** Law: scores taken batch by batch are those of the whole data, whatever the criterion and the batch. */
import fc from "fast-check";
import { expect } from "vitest";
import { type ModelCase, modelCase } from "../support/arbitraries/model.js";
import { architectureOf } from "../support/architectures.js";
import { inBatches } from "../support/batches.js";
import { distance } from "../support/dense.js";
import { always, law } from "./law.js";
import { type Model, modelOf } from "./model.js";
import type { Product } from "./mutant.js";
import { scoreGraph, scoreInputs } from "./scores.js";

const NORMS = ["mean", "l2", "variance"];

interface Case {
  readonly model: ModelCase;
  readonly batch: number;
  /** Which norms, over windows and over positions; beyond them the weights' magnitude. */
  readonly norms: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  model: modelCase.map((drawn) => ({ ...drawn, windows: drawn.windows + 2 })),
  batch: fc.integer({ min: 1, max: 6 }),
  norms: fc.nat(NORMS.length ** 2),
});

const criteriaOf = ({ shape }: Model, { model, norms }: Case): Record<string, string> => {
  const { layer, layerCriterion } = architectureOf(model);
  const [batch, position] = [NORMS[Math.floor(norms / 3)], NORMS[norms % 3]];
  const criterion =
    batch === undefined ? "magnitude" : `activation(batch: ${batch}, position: ${position})`;
  return Object.fromEntries(
    [...shape.along.keys()].map((axis) => [axis, axis === layer ? layerCriterion : criterion]),
  );
};

const sameInBatches = (product: Product, drawn: Case): void => {
  const model = modelOf(product, drawn.model);
  const { graph } = scoreGraph(product, model, drawn.model, criteriaOf(model, drawn));
  const inputs = scoreInputs(product, model, drawn.model);
  const whole = product.interpret(graph, inputs);
  const { windows } = drawn.model;
  const parts = inBatches(graph, inputs, windows, drawn.batch, product.decompose);
  expect(Object.keys(parts)).toEqual(Object.keys(whole));
  for (const [name, dense] of Object.entries(whole))
    expect(
      distance(parts[name] ?? { axes: [], data: new Float64Array(0) }, dense),
      name,
    ).toBeLessThan(1e-11);
};

law("scores in batches are those of the whole", always(cases, sameInBatches), [
  // A function of a sum taken for a sum.
  {
    file: "compiler/passes/decompose.ts",
    find: "if (isAdditive(node, axis)) cuts.add(node);",
    replace: "if ([node, ...operandsOf(node)].some((n) => isAdditive(n, axis))) cuts.add(node);",
  },
]);
