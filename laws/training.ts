/** The loss of a random student, cut from a random teacher, and all that it is computed from. */
import { Builder } from "../compiler/ir/build.js";
import type { Dense, Input, Node } from "../compiler/ir/tensor.js";
import { reachable } from "../compiler/ir/traverse.js";
import { forward } from "../compiler/library/forward.js";
import { isMapInput } from "../compiler/library/library.js";
import { elaborateLoss, visible } from "../compiler/library/loss.js";
import { cutsOf } from "./cuts.js";
import { randomDense } from "./dense.js";
import { type LossUse, lossText, type Trial } from "./law.js";
import {
  cutTo,
  feedsOf,
  keptBy,
  type Model,
  made,
  modelOf,
  randomScores,
  weightsOf,
} from "./model.js";

export interface Training {
  readonly builder: Builder;
  readonly loss: Node;
  /** The loss as it is written. */
  readonly text: string;
  /** What the student's layers hand on. */
  readonly edges: readonly Node[];
  /** What is trained, as inputs of the loss: the student's weights, and maps of its states. */
  readonly trained: readonly Input[];
  readonly inputs: ReadonlyMap<string, Dense>;
}

const lossOf = (use: LossUse, teacher: Model, student: Model, trial: Trial) => {
  const builder = new Builder();
  const { axes } = feedsOf(teacher.shape, trial);
  const tokens = builder.input("tokens", axes, "u32");
  const passOf = ({ shape, layout }: Model) =>
    made(forward(shape, builder, { model: layout.name, tokens }));
  const pass = passOf(student);
  const scope = {
    teacher: visible(passOf(teacher)),
    student: visible(pass),
    labels: builder.input("labels", axes, "u32"),
    ...(use.layers === null ? {} : { layers: use.layers }),
  };
  const loss = made(elaborateLoss(use.expr, student.shape.library, builder, scope));
  return { builder, loss, edges: pass.carried.flatMap((values) => [...values.values()]) };
};

export const trainingOf = async (use: LossUse, trial: Trial): Promise<Training> => {
  const { shape, seed, keeps } = trial;
  const teacher = modelOf(shape, seed);
  // Now and then the student is the whole teacher: losses may have corners where both are the same.
  const cuts = cutsOf(shape, seed % 5 === 0 ? [] : keeps);
  const kept = keptBy(teacher, cuts, randomScores(teacher, seed));
  const student = await cutTo(teacher, kept);
  const { builder, loss, edges } = lossOf(use, teacher, student, trial);
  const own = weightsOf(student);
  const maps = reachable([loss]).filter(
    (node): node is Input => node.op === "input" && isMapInput(node.name),
  );
  const ofMaps = maps.map(({ name, axes }) => [name, randomDense(name, axes, seed)] as const);
  const feeds = Object.entries(feedsOf(shape, trial).values);
  return {
    builder,
    loss,
    text: lossText(use),
    edges,
    trained: [...[...own].map(([name, { axes }]) => builder.input(name, axes)), ...maps],
    inputs: new Map([...weightsOf(teacher), ...own, ...ofMaps, ...feeds]),
  };
};
