/** Sums over long rows, such as a softmax over a large vocabulary: as near to float64 as over short ones. */
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Dense } from "../../compiler/ir/tensor.js";
import { elaborateLoss } from "../../compiler/library/loss.js";
import { differentiate } from "../../compiler/passes/differentiate.js";
import { simplify } from "../../compiler/passes/simplify.js";
import { must } from "../../compiler/planning/outcome.js";
import { lower } from "../../compiler/schedule/lower.js";
import { portableTarget } from "../../compiler/schedule/target.js";
import { recipeOf } from "../oracle/example.js";
import { randomArray, worstError } from "../support/numbers.js";
import { feedPlacement, runLowered } from "../support/run-graph.js";

const recipe = recipeOf(`edition 1
model teacher = open("models/sotu-1m")
data texts = text("data/sotu/valid/*.txt") { window 256 }
distill taught = teacher from teacher on texts {
  loss  kld(temperature: 1)
  stop  1 steps
  batch 1 windows
  rate  constant(1e-3)
}
`);

/** The divergence of two rows of logits, and its gradient by the student's. */
const divergence = (vocab: number) => {
  const [step] = recipe.steps.filter(({ kind }) => kind === "distill");
  if (step?.kind !== "distill") throw new Error("the spec has changed");
  const builder = new Builder();
  const axes = [
    { name: "window", size: 1 },
    { name: "position", size: 2 },
    { name: "vocab", size: vocab },
  ];
  const [target, guess] = [builder.input("target", axes), builder.input("guess", axes)];
  const loss = must(
    elaborateLoss(step.loss, recipe.library, builder, {
      teacher: new Map([["logits", target]]),
      student: new Map([["logits", guess]]),
      labels: builder.input("labels", axes.slice(0, 2), "u32"),
    }),
  );
  const adjoint = differentiate(builder, loss, [guess]).get(guess);
  if (adjoint === undefined) throw new Error("the loss does not depend on the student");
  const graph = simplify(builder, {
    outputs: { loss, gradient: builder.ordered(adjoint, axes) },
  });
  const dense = (seed: number): Dense => ({
    axes,
    data: Float64Array.from(randomArray(2 * vocab, seed), (x) => Math.fround(6 * x)),
  });
  return { graph, values: new Map(Object.entries({ target: dense(5), guess: dense(6) })) };
};

test.each([1025, 32768, 262147])("divergence over %i entries", async (vocab) => {
  const drawn = divergence(vocab);
  const exact = interpret(drawn.graph, drawn.values);
  const lowered = lower("divergence", drawn.graph, feedPlacement(drawn), portableTarget);
  const found = await runLowered(lowered, drawn.values);
  expect(Object.keys(exact)).toEqual(["loss", "gradient"]);
  for (const [name, { data }] of Object.entries(exact)) {
    const most = data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    // One running sum errs by 5e-4 at the largest of these.
    expect(worstError(found.get(name), data) / most, name).toBeLessThan(5e-6);
  }
});
