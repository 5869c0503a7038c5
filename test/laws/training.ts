/** Drawn distillations: the loss of a random student, cut from a random teacher, and all that it is computed from. */
import fc from "fast-check";
import type { Dense, Input, Node } from "../../compiler/ir/tensor.js";
import { must } from "../../compiler/planning/outcome.js";
import { type ModelCase, modelCase } from "../support/arbitraries/model.js";
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

export interface TrainingCase {
  readonly model: ModelCase;
  readonly loss: string;
}

export const trainingCase: fc.Arbitrary<TrainingCase> = fc.record({
  model: modelCase,
  loss: fc.constantFrom(
    "cross_entropy()",
    "kld()",
    "kld(top: 3)",
    "0.7 * kld(temperature: 2) + 0.3 * cross_entropy()",
  ),
});

export interface DrawnTraining {
  readonly builder: InstanceType<Product["Builder"]>;
  readonly loss: Node;
  /** What the student's layers hand on. */
  readonly edges: readonly Node[];
  /** The student's weights, as inputs of the loss. */
  readonly weights: readonly Input[];
  readonly inputs: ReadonlyMap<string, Dense>;
}

const lossOf = (product: Product, teacher: Model, student: Model, drawn: TrainingCase) => {
  const builder = new product.Builder();
  const { axes } = feedsOf(drawn.model);
  const tokens = builder.input("tokens", axes, "u32");
  const { file } = product.parse("spec.prune", `let loss = ${drawn.loss}\n`);
  const [declaration] = file.declarations;
  if (declaration?.kind !== "binding") throw new Error("not a loss");
  const passOf = ({ shape, layout }: Model) =>
    must(product.forward(shape, builder, { model: layout.name, tokens }));
  const scope = { teacher: passOf(teacher).values, labels: builder.input("labels", axes, "u32") };
  const pass = passOf(student);
  const loss = must(
    product.elaborateLoss({ file, decl: declaration.value }, student.shape.library, builder, {
      ...scope,
      student: pass.values,
    }),
  );
  return { builder, loss, edges: pass.carried.flatMap((values) => [...values.values()]) };
};

export const drawTraining = async (
  product: Product,
  drawn: TrainingCase,
): Promise<DrawnTraining> => {
  const teacher = modelOf(product, drawn.model);
  const scores = randomScores(teacher, drawn.model.seed);
  const kept = keptBy(product, teacher, cutsOf(teacher, drawn.model), scores);
  const student = await cutTo(product, teacher, kept);
  const { builder, loss, edges } = lossOf(product, teacher, student, drawn);
  const own = weightsOf(product, student);
  const feeds = Object.entries(feedsOf(drawn.model).values);
  return {
    builder,
    loss,
    edges,
    weights: [...own].map(([name, { axes }]) => builder.input(name, axes)),
    inputs: new Map([...weightsOf(product, teacher), ...own, ...feeds]),
  };
};
