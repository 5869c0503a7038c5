/**
 * A loss that compares a student with its teacher is least where they are the same: a divergence is 0 there and never
 * negative, a cross-entropy of the teacher's probabilities is their entropy.
 */

import { Builder } from "../compiler/ir/build.js";
import { interpret } from "../compiler/ir/interpret.js";
import type { Dense, Input, Node } from "../compiler/ir/tensor.js";
import { reachable } from "../compiler/ir/traverse.js";
import { forward } from "../compiler/library/forward.js";
import { isMapInput } from "../compiler/library/library.js";
import { elaborateLoss, type Named, visible } from "../compiler/library/loss.js";
import type { Expr } from "../grammar/ast.js";
import { randomDense } from "./dense.js";
import { Broken, type Given, type Law, type LossUse, picked, type Trial, Untold } from "./law.js";
import { feedsOf, made } from "./model.js";

/** The calls that a loss is put together from. */
const callsIn = (expr: Expr): readonly Expr[] => {
  switch (expr.kind) {
    case "call":
      return [expr];
    case "unary":
      return callsIn(expr.operand);
    case "binary":
      return [...callsIn(expr.left), ...callsIn(expr.right)];
    default:
      return [];
  }
};

interface Comparison {
  readonly loss: Node;
  readonly student: readonly Input[];
  /** Of each of the student's, the teacher's. */
  readonly teacher: ReadonlyMap<Input, Input>;
  readonly others: readonly Input[];
}

const isInput = (node: Node): node is Input => node.op === "input";

/** A loss of values that are inputs, of a student's as long as a teacher's; null where it does not compare the two. */
const comparisonOf = (
  use: LossUse,
  expr: Expr,
  { shape }: Given,
  axes: Input["axes"],
): Comparison | null => {
  const { library } = shape;
  const passes = new Builder();
  const tokens = passes.input("tokens", axes, "u32");
  const values = visible(made(forward(shape, passes, { model: "model", tokens })));
  const builder = new Builder();
  const teacherOf = new Map<Input, Input>();
  const inputs = (name: string, node: Node): Input => {
    const own = builder.input(`student ${name}`, node.axes);
    teacherOf.set(own, builder.input(`teacher ${name}`, node.axes));
    return own;
  };
  const student: Named = new Map(
    [...values].map(([name, value]) => [
      name,
      isOne(value)
        ? inputs(name, value)
        : value.map((node, layer) => inputs(`${name} ${layer}`, node)),
    ]),
  );
  const taught = (node: Node): Node => (isInput(node) ? (teacherOf.get(node) ?? node) : node);
  const teacher: Named = new Map(
    [...student].map(([name, value]) => [name, isOne(value) ? taught(value) : value.map(taught)]),
  );
  const labels = builder.input("labels", axes, "u32");
  const layers = use.layers === null ? {} : { layers: use.layers };
  const call = { file: use.expr.file, decl: expr };
  const loss = made(elaborateLoss(call, library, builder, { student, teacher, labels, ...layers }));
  const seen = reachable([loss]).filter(isInput);
  const targets = new Set(teacherOf.values());
  const own = seen.filter((node) => teacherOf.has(node));
  if (own.length === 0 || !seen.some((node) => targets.has(node))) return null;
  return {
    loss,
    student: own,
    teacher: teacherOf,
    others: seen.filter((node) => isMapInput(node.name)),
  };
};

const isOne = (value: Node | readonly Node[]): value is Node => !Array.isArray(value);

const TRIED = [
  { name: "window", size: 1 },
  { name: "position", size: 2 },
];

/** What compares, of all that a recipe trains by. */
const comparing = (given: Given): readonly { readonly use: LossUse; readonly expr: Expr }[] =>
  given.losses
    .flatMap((use) => callsIn(use.expr.decl).map((expr) => ({ use, expr })))
    .filter(({ use, expr }) => comparisonOf(use, expr, given, TRIED) !== null);

/** How large the teacher's values are, and how far the student's are from them. */
const SPREADS = [
  [1, 1],
  [1, 1e-3],
  [30, 30],
  [30, 1e-2],
] as const;

const scaled = ({ axes, data }: Dense, by: number): Dense => ({
  axes,
  data: data.map((v) => v * by),
});

const plus = ({ axes, data }: Dense, other: Dense): Dense => ({
  axes,
  data: data.map((value, i) => value + (other.data[i] ?? Number.NaN)),
});

const textOf = ({ expr: { file } }: LossUse, { span }: Expr): string =>
  file.text.slice(span.start, span.end);

const compare = (trial: Trial, use: LossUse, expr: Expr): void => {
  const { axes, values } = feedsOf(trial.shape, trial);
  const comparison = comparisonOf(use, expr, trial, axes);
  if (comparison === null) throw new Untold("nothing is compared");
  const { loss, student, teacher, others } = comparison;
  const [size, apart] = SPREADS[trial.seed % SPREADS.length] ?? [1, 1];
  const inputs = new Map<string, Dense>([["labels", values.labels]]);
  for (const { name, axes: own } of others) inputs.set(name, randomDense(name, own, trial.seed));
  for (const target of teacher.values())
    inputs.set(target.name, scaled(randomDense(target.name, target.axes, trial.seed), size));
  const lossAt = (by: number): number => {
    const here = new Map(inputs);
    for (const own of student) {
      const target = inputs.get(teacher.get(own)?.name ?? "");
      if (target === undefined) throw new Broken(`${own.name} has no counterpart`);
      here.set(own.name, plus(target, scaled(randomDense(own.name, own.axes, trial.seed), by)));
    }
    return interpret({ outputs: { loss } }, here).loss?.data[0] ?? Number.NaN;
  };
  const [same, other] = [lossAt(0), lossAt(apart)];
  if (other >= same - 1e-12 * Math.max(1, Math.abs(same))) return;
  throw new Broken(
    `${textOf(use, expr)} is ${same.toPrecision(6)} where student and teacher are the same, and ${other.toPrecision(6)} where they are not`,
  );
};

export const divergence: Law = {
  name: "divergence",
  says: "a loss that compares student and teacher is least where they are the same",
  silent: (given) =>
    comparing(given).length === 0 ? "no loss compares student and teacher" : null,
  holds: (trial) => {
    const chosen = picked(comparing(trial), trial.pick);
    if (chosen === null) throw new Untold("nothing is compared");
    compare(trial, chosen.use, chosen.expr);
  },
};
