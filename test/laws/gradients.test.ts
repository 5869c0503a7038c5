/**
 * Law: gradients are what central differences say. Of the distillation loss of random models cut from random teachers,
 * in all weights at once and in one of them.
 */
import fc from "fast-check";
import { expect } from "vitest";
import type { Dense, Input } from "../../compiler/ir/tensor.js";
import { slope } from "../support/central-difference.js";
import { randomDense } from "../support/dense.js";
import { always, type Law, law } from "./law.js";
import type { Product } from "./mutant.js";
import { drawTraining, type TrainingCase, trainingCase } from "./training.js";

interface Case {
  readonly training: TrainingCase;
  /** Which weight is moved alone. */
  readonly one: number;
}

const cases: fc.Arbitrary<Case> = fc.record({ training: trainingCase, one: fc.nat(100) });

/** How many directions were compared; throws where gradient and difference differ. */
const compare = async (product: Product, drawn: Case): Promise<number> => {
  const { builder, loss, weights: wrt, inputs } = await drawTraining(product, drawn.training);
  const gradients = product.differentiate(builder, loss, wrt);
  const named = Object.fromEntries([...gradients].map(([{ id }, node]) => [id, node]));
  const found = product.interpret({ outputs: named }, inputs);
  const along = (some: readonly Input[]): number => {
    const direction = new Map<string, Dense>(
      some.map(({ name, axes }) => [name, randomDense(name, axes, 17)]),
    );
    const expected = slope(loss, inputs, direction);
    if (expected === null) return 0;
    const projected = some.reduce(
      (sum, { id, name }) =>
        (found[id]?.data ?? new Float64Array([Number.NaN])).reduce(
          (inner, g, i) => inner + g * (direction.get(name)?.data[i] ?? Number.NaN),
          sum,
        ),
      0,
    );
    expect(Math.abs(projected - expected)).toBeLessThan(2e-7 * Math.max(1, Math.abs(expected)));
    return 1;
  };
  return along(wrt) + along([wrt[drawn.one % wrt.length] ?? never()]);
};

const never = (): never => {
  throw new Error("a model has weights");
};

const gradients: Law = async (product) => {
  let compared = 0;
  const runs = 120;
  await always(
    cases,
    async (tested, drawn) => {
      compared += await compare(tested, drawn);
    },
    runs,
  )(product);
  expect(compared).toBeGreaterThan(1.8 * runs);
};

law("gradients are central differences", gradients, [
  {
    file: "compiler/passes/adjoint.ts",
    find: 'const delta = b.sum(b.map("mul", node, dOut), [dim]);',
    replace: "const delta = b.sum(dOut, [dim]);",
  },
  {
    file: "compiler/passes/derivative.ts",
    find: 'sqrt: (b, node, g) => b.map("div", g, b.map("mul", b.constant(2), node)),',
    replace: 'sqrt: (b, node, g) => b.map("div", g, node),',
  },
  {
    file: "compiler/passes/adjoint.ts",
    find: "return b.scatter(b.broadcast(g, full), indices, along);",
    replace: 'return b.map("mul", b.constant(2), b.scatter(b.broadcast(g, full), indices, along));',
  },
]);
