/**
 * Law: a loss and its gradient from what is kept of a teacher are those from the teacher, to the bit, whatever ties there are
 * among its logits; and a loss for which that cannot be is refused.
 */
import fc from "fast-check";
import { expect } from "vitest";
import type { Dense } from "../../compiler/ir/tensor.js";
import { verify } from "../../compiler/ir/verify.js";
import { randomDense, randomIndices } from "../../laws/dense.js";
import { lossBetween, type Sizes } from "../support/kept-loss.js";
import { always, law } from "./law.js";

interface Case {
  readonly sizes: Sizes;
  readonly seed: number;
  /** Logits are rounded to multiples of one over this, so that many are equal. */
  readonly grain: number;
  readonly loss: string;
  /** The fewest logits that it can be had from; null for all. */
  readonly least: number | null;
  readonly count: number;
}

const losses = fc.constantFrom<readonly [string, number | null]>(
  ["kld(top: 2)", 2],
  ["kld(top: 3, temperature: 2)", 3],
  ["0.7 * kld(top: 2) + 0.3 * cross_entropy()", 2],
  ["kld(top: 1) + kld(top: 4)", 4],
  ["kld_and_rest(top: 3)", 3],
  ["sure()", 1],
  ["at_labels() + kld(top: 2)", 2],
  ["kld()", null],
  ["jensen_shannon() + kld(top: 2)", null],
  ["of_batch()", null],
);

const cases: fc.Arbitrary<Case> = fc
  .record({
    sizes: fc.record({
      window: fc.integer({ min: 2, max: 3 }),
      position: fc.integer({ min: 1, max: 3 }),
      vocab: fc.integer({ min: 6, max: 11 }),
    }),
    seed: fc.nat(),
    grain: fc.constantFrom(1, 4, 1e6),
    loss: losses,
    count: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ loss: [loss, least], ...rest }) => ({ ...rest, loss, least }));

const dense = ({ seed, grain }: Case, name: string, axes: Dense["axes"]): [string, Dense] => {
  const { data } = randomDense(name, axes, seed);
  return [name, { axes, data: data.map((value) => Math.round(4 * value * grain) / grain) }];
};

law(
  "a loss from what is kept is the loss",
  always(
    cases,
    (product, drawn) => {
      const { sizes, loss: text, least, count, seed } = drawn;
      const { builder, loss, guess, teaching } = lossBetween(product, text, sizes, count);
      const found = product.lossFromKept(builder, loss, teaching);
      expect("loss" in found, `${text} from ${count}`).toBe(least !== null && least <= count);
      if (!("loss" in found)) return;
      const kept = { outputs: product.keptOutputs(builder, teaching, found.numbers) };
      expect(verify(kept, "built")).toEqual([]);
      const given = new Map([
        dense(drawn, "teacher/logits", teaching.logits.axes),
        dense(drawn, "student/logits", guess.axes),
        ["labels", randomIndices("labels", teaching.tokens, seed, sizes.vocab)] as const,
      ]);
      const trained = (of: typeof loss, inputs: ReadonlyMap<string, Dense>) => {
        const gradient = product.differentiate(builder, of, [guess]).get(guess);
        const outputs = { loss: of, ...(gradient === undefined ? {} : { gradient }) };
        return product.interpret(product.simplify(builder, { outputs }), inputs);
      };
      const whole = trained(loss, given);
      const inputs = new Map([...given, ...Object.entries(product.interpret(kept, given))]);
      inputs.delete("teacher/logits");
      const without = trained(found.loss, inputs);
      expect(Object.keys(without)).toEqual(["loss", "gradient"]);
      // Both zeros are one.
      for (const [name, { data }] of Object.entries(without))
        expect(
          data.map((value) => value + 0),
          name,
        ).toEqual(whole[name]?.data.map((value) => value + 0));
    },
    300,
  ),
  [
    {
      file: "compiler/passes/kept-logits.ts",
      find: 'marks <= count) return "inside"',
      replace: 'marks > 0) return "inside"',
    },
    {
      file: "compiler/passes/kept-logits.ts",
      find: 'builder.binary("sub", least, builder.constant(1))',
      replace: "least",
    },
    {
      file: "compiler/passes/kept-logits.ts",
      find: "      !this.mixed.has(node) &&\n",
      replace: "",
    },
  ],
);
