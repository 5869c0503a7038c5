/**
 * Law: gradients are what central differences say. Of the distillation loss of random models cut from random teachers,
 * in all weights at once and in one of them.
 */
import fc from "fast-check";
import { expect } from "vitest";
import type { Dense, Input, Node } from "../../compiler/ir/tensor.js";
import { must } from "../../compiler/planning/outcome.js";
import { type ModelCase, modelCase } from "../support/arbitraries/model.js";
import { slope } from "../support/central-difference.js";
import { randomDense } from "../support/dense.js";
import { always, type Law, law } from "./law.js";
import {
  cutsOf,
  cutTo,
  feedsOf,
  keptBy,
  type Model,
  modelOf,
  randomScores,
  weightsOf,
} from "./model.js";
import type { Product } from "./mutant.js";

interface Case {
  readonly model: ModelCase;
  readonly loss: string;
  /** Which weight is moved alone. */
  readonly one: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  model: modelCase,
  loss: fc.constantFrom(
    "cross_entropy()",
    "kld()",
    "0.7 * kld(temperature: 2) + 0.3 * cross_entropy()",
  ),
  one: fc.nat(100),
});

/** The loss of the student, and the inputs that are its weights. */
const lossOf = (
  product: Product,
  teacher: Model,
  student: Model,
  drawn: Case,
): { readonly loss: Node; readonly builder: InstanceType<Product["Builder"]> } => {
  const builder = new product.Builder();
  const { axes } = feedsOf(drawn.model);
  const tokens = builder.input("tokens", axes, "u32");
  const { file } = product.parse("spec.prune", `let loss = ${drawn.loss}\n`);
  const [declaration] = file.declarations;
  if (declaration?.kind !== "binding") throw new Error("not a loss");
  const valuesOf = ({ shape, layout }: Model) =>
    must(product.forward(shape, builder, { model: layout.name, tokens })).values;
  const loss = product.elaborateLoss(
    { file, decl: declaration.value },
    student.shape.library,
    builder,
    {
      teacher: valuesOf(teacher),
      student: valuesOf(student),
      labels: builder.input("labels", axes, "u32"),
    },
  );
  return { loss: must(loss), builder };
};

/** How many directions were compared; throws where gradient and difference differ. */
const compare = async (product: Product, drawn: Case): Promise<number> => {
  const teacher = modelOf(product, drawn.model);
  const scores = randomScores(teacher, drawn.model.seed);
  const kept = keptBy(product, teacher, cutsOf(teacher, drawn.model), scores);
  const student = await cutTo(product, teacher, kept);
  const { loss, builder } = lossOf(product, teacher, student, drawn);
  const weights = weightsOf(product, student);
  const inputs = new Map([
    ...weightsOf(product, teacher),
    ...weights,
    ...Object.entries(feedsOf(drawn.model).values),
  ]);
  const wrt: readonly Input[] = [...weights].map(([name, { axes }]) => builder.input(name, axes));
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
