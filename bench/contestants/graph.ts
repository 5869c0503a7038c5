/** Tasks on tensors as graphs of Espalier's IR, so that what is timed is what a plan would do. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "../../compiler/check.js";
import { Builder } from "../../compiler/ir/build.js";
import type { Axis, Graph, Input } from "../../compiler/ir/tensor.js";
import { elaborateLoss } from "../../compiler/library/loss.js";
import { differentiate } from "../../compiler/passes/differentiate.js";
import { simplify } from "../../compiler/passes/simplify.js";
import { must } from "../../compiler/planning/outcome.js";
import { fileHost } from "../../runtime/cli/host.js";
import { EXAMPLES } from "../places.js";
import type { AttentionTask, DivergenceTask, ProductTask, TensorFile } from "../task.js";

export interface GraphTask {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, TensorFile>>;
  /** Inputs that are stored in f16, as are products with them. */
  readonly narrow?: ReadonlySet<string>;
}

const axesOf = (names: readonly string[], { shape }: TensorFile): Axis[] =>
  names.map((name, at) => ({ name, size: shape[at] ?? 1 }));

export const productGraph = ({ layout, arithmetic, a, b }: ProductTask): GraphTask => {
  const builder = new Builder();
  const left = builder.input("a", axesOf(layout === "tn" ? ["k", "m"] : ["m", "k"], a));
  const right = builder.input("b", axesOf(layout === "nt" ? ["n", "k"] : ["k", "n"], b));
  return {
    graph: { outputs: { c: builder.contract(left, right, ["k"]) } },
    inputs: { a, b },
    narrow: new Set(arithmetic === "f16" ? ["b"] : []),
  };
};

/** Outputs with the gradients of `loss` by some inputs. */
const withGradients = (
  builder: Builder,
  outputs: Graph["outputs"],
  loss: Graph["outputs"][string],
  by: readonly Input[],
): Graph => {
  const adjoints = differentiate(builder, loss, by);
  const gradients = by.flatMap((input) => {
    const adjoint = adjoints.get(input);
    return adjoint === undefined
      ? []
      : [[`d ${input.name}`, builder.ordered(adjoint, input.axes)] as const];
  });
  return simplify(builder, { outputs: { ...outputs, ...Object.fromEntries(gradients) } });
};

const HEADS = ["window", "position", "group", "query", "dim"];
const SHARED = ["window", "position", "group", "dim"];

export const attentionGraph = (task: AttentionTask): GraphTask => {
  const builder = new Builder();
  const [q, k, v, d] = [
    builder.input("q", axesOf(HEADS, task.q)),
    builder.input("k", axesOf(SHARED, task.k)),
    builder.input("v", axesOf(SHARED, task.v)),
    builder.input("d", axesOf(HEADS, task.d)),
  ];
  const scale = 1 / Math.sqrt(task.q.shape.at(-1) ?? 1);
  const spec = { position: "position", dim: "dim", scale, q, k, v };
  const out = builder.ordered(builder.attention({ ...spec, part: "out" }), q.axes);
  const inputs = { q: task.q, k: task.k, v: task.v };
  if (!task.gradient) return { graph: { outputs: { out } }, inputs };
  const loss = builder.sum(builder.binary("mul", out, d), HEADS);
  return {
    graph: withGradients(builder, {}, loss, [q, k, v]),
    inputs: { ...inputs, d: task.d },
  };
};

/** Its distillation has the loss, as a user writes it. */
const EXAMPLE = "sotu-half.prune";

export const divergenceGraph = ({ target, guess }: DivergenceTask): GraphTask => {
  const text = readFileSync(join(EXAMPLES, EXAMPLE), "utf8");
  const { recipe } = check(EXAMPLE, text, fileHost(EXAMPLES));
  const step = recipe?.steps.find((candidate) => candidate.kind === "distill");
  if (recipe === null || step?.kind !== "distill")
    throw new Error(`${EXAMPLE} has no distillation`);
  const builder = new Builder();
  const [tokens = 1, vocab = 1] = guess.shape;
  const axes = [
    { name: "window", size: 1 },
    { name: "position", size: tokens },
    { name: "vocab", size: vocab },
  ];
  const [teacher, student] = [builder.input("target", axes), builder.input("guess", axes)];
  const loss = must(
    elaborateLoss(step.loss, recipe.library, builder, {
      teacher: new Map([["logits", teacher]]),
      student: new Map([["logits", student]]),
      labels: builder.input("labels", axes.slice(0, 2), "u32"),
    }),
  );
  return { graph: withGradients(builder, { loss }, loss, [student]), inputs: { target, guess } };
};
