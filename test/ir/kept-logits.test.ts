/** The graphs of a teacher's kept logits: what its pass gives, and the loss without it. */
import { expect, test } from "vitest";
import { printGraph } from "../../compiler/ir/print.js";
import { simplify } from "../../compiler/passes/simplify.js";
import * as product from "../laws/product.js";
import { lossBetween } from "../support/kept-loss.js";

const SIZES = { window: 2, position: 4, vocab: 7 };

test("of a divergence among three tokens and the rest", async () => {
  const { builder, loss, teaching } = lossBetween(product, "kld_and_rest(top: 3)", SIZES, 3);
  const found = product.lossFromKept(builder, loss, teaching);
  if (!("loss" in found)) throw new Error(found.lacks);
  const kept = simplify(builder, {
    outputs: product.keptOutputs(builder, teaching, found.numbers),
  });
  const without = simplify(builder, { outputs: { loss: found.loss } });
  const text = `kept\n${printGraph(kept)}\nloss\n${printGraph(without)}`;
  await expect(text).toMatchFileSnapshot("../golden/ir/kept-logits.txt");
});

const lacks = (text: string, count: number) => {
  const { builder, loss, teaching } = lossBetween(product, text, SIZES, count);
  return product.lossFromKept(builder, loss, teaching);
};

test("what is kept may be all there is", () => {
  for (const text of ["kld()", "reverse_kld(temperature: 2)", "jensen_shannon()", "mse()"]) {
    expect(lacks(text, 6), text).toEqual({ lacks: "others" });
    expect(lacks(text, 7), text).toHaveProperty("loss");
    expect(lacks(text, 100), text).toHaveProperty("loss");
  }
});

test("why what is kept does not do", () => {
  expect(lacks("kld(top: 4)", 3)).toEqual({ lacks: "count", needed: 4 });
  expect(lacks("kld(top: 2) + mse()", 3)).toEqual({ lacks: "others" });
});

test("numbers of a token are kept only where the loss reads them", () => {
  const numbersOf = (text: string) => {
    const found = lacks(text, 3);
    return "loss" in found ? found.numbers.length : null;
  };
  expect(numbersOf("kld(top: 3)")).toBe(0);
  expect(numbersOf("kld_and_rest(top: 3)")).toBe(1);
  expect(numbersOf("at_labels()")).toBe(1);
});
