/**
 * Gradients are what central differences say: of the recipe's losses, in all that is trained at once and in one weight. What
 * is `stop`ped stays what it is while weights move.
 */
import { Builder } from "../compiler/ir/build.js";
import { interpret } from "../compiler/ir/interpret.js";
import type { Dense, Graph, Input, Node } from "../compiler/ir/tensor.js";
import { copyGraph, reachable } from "../compiler/ir/traverse.js";
import { differentiate } from "../compiler/passes/differentiate.js";
import { slope } from "./central-difference.js";
import { randomDense } from "./dense.js";
import { Broken, type Law, picked, Untold } from "./law.js";
import { type Training, trainingOf } from "./training.js";

/** The loss with what is stopped as inputs, and their values. */
const stopped = ({ loss, inputs }: Training): Pick<Training, "loss" | "inputs"> => {
  const stops = reachable([loss]).filter(({ op }) => op === "stop");
  if (stops.length === 0) return { loss, inputs };
  const nameOf = (node: Node): string => `stopped ${node.id}`;
  const outputs: Graph["outputs"] = Object.fromEntries(stops.map((node) => [nameOf(node), node]));
  const values = interpret({ outputs }, inputs);
  const builder = new Builder();
  const copy = copyGraph(builder, { outputs: { loss } }, (node) =>
    node.op === "stop" ? builder.input(nameOf(node), node.axes) : null,
  );
  return {
    loss: copy.outputs.loss ?? loss,
    inputs: new Map([...inputs, ...Object.entries(values)]),
  };
};

type Gradients = Readonly<Record<string, Dense>>;

/** Whether the slope in a random direction of some inputs is what their gradients say; null where the loss has a corner. */
const compared = (
  training: Training,
  gradients: Gradients,
  some: readonly Input[],
): true | null => {
  const direction = new Map<string, Dense>(
    some.map(({ name, axes }) => [name, randomDense(name, axes, 17)]),
  );
  const { loss, inputs } = stopped(training);
  const expected = slope(loss, inputs, direction);
  if (expected === null) return null;
  const projected = some.reduce(
    (sum, { name }) =>
      (gradients[name]?.data ?? new Float64Array([Number.NaN])).reduce(
        (inner, g, i) => inner + g * (direction.get(name)?.data[i] ?? Number.NaN),
        sum,
      ),
    0,
  );
  if (Math.abs(projected - expected) < 2e-7 * Math.max(1, Math.abs(expected))) return true;
  const where = some.length === 1 ? (some[0]?.name ?? "") : "all weights";
  throw new Broken(
    `the slope of ${training.text} in ${where} is ${expected.toPrecision(6)}, the gradient says ${projected.toPrecision(6)}`,
  );
};

const finite = (training: Training, gradients: Gradients): void => {
  const { loss, inputs, text } = training;
  const value = interpret({ outputs: { loss } }, inputs).loss?.data[0] ?? Number.NaN;
  if (!Number.isFinite(value)) throw new Broken(`${text} is ${value}`);
  for (const [name, { data }] of Object.entries(gradients)) {
    const wrong = data.find((g) => !Number.isFinite(g));
    if (wrong !== undefined) throw new Broken(`the gradient of ${text} by ${name} has a ${wrong}`);
  }
};

export const gradients: Law = {
  name: "gradients",
  says: "gradients of losses are what central differences say",
  silent: ({ losses }) => (losses.length === 0 ? "nothing is trained" : null),
  holds: async (trial) => {
    const use = picked(trial.losses, trial.pick);
    if (use === null) throw new Untold("nothing is trained");
    const training = await trainingOf(use, trial);
    const { builder, loss, trained, inputs } = training;
    const nodes = differentiate(builder, loss, trained);
    const outputs = Object.fromEntries(
      trained.map((input) => [input.name, nodes.get(input) ?? input]),
    );
    const found = interpret({ outputs }, inputs);
    finite(training, found);
    const one = picked(trained, trial.pick);
    const all = compared(training, found, trained);
    const alone = one === null ? null : compared(training, found, [one]);
    if (all === null && alone === null) throw new Untold("the loss has a corner here");
  },
};
