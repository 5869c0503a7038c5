/** Which losses let a batch be taken in parts. */
import { expect, test } from "vitest";
import type { Builder } from "../../compiler/ir/build.js";
import type { Node } from "../../compiler/ir/tensor.js";
import { elaborateLoss } from "../../compiler/library/loss.js";
import { isMeanOverWindows } from "../../compiler/passes/mean-loss.js";
import { must } from "../../compiler/planning/outcome.js";
import { parse } from "../../grammar/parse.js";
import * as product from "../laws/product.js";
import { libraryWith } from "../laws/subjects.js";

const own = `edition 1
loss total(guess [window, position, vocab] = student.logits) = sum[window, position, vocab](guess * guess)
loss largest(guess [window, position, vocab] = student.logits) = max[window, position, vocab](guess)
loss rooted(guess [window, position, vocab] = student.logits) = sqrt(mean[window, position, vocab](guess * guess))
loss halves(guess [window, position, vocab] = student.logits) = mean[position](mean[window](sum[vocab](guess * guess)))
`;
const library = libraryWith(product, { "own.prune": own });

const lossOf =
  (text: string) =>
  (b: Builder, windows: number): Node => {
    const { file } = parse("spec.prune", `let loss = ${text}\n`);
    const [declaration] = file.declarations;
    if (declaration?.kind !== "binding") throw new Error("not a loss");
    const axes = [
      { name: "window", size: windows },
      { name: "position", size: 3 },
      { name: "vocab", size: 5 },
    ];
    const scope = {
      teacher: new Map([["logits", b.input("teacher", axes)]]),
      student: new Map([["logits", b.input("student", axes)]]),
      labels: b.input("labels", axes.slice(0, 2), "u32"),
    };
    return must(elaborateLoss({ file, decl: declaration.value }, library, b, scope));
  };

test.each([
  ["kld(temperature: 2)", true],
  ["cross_entropy()", true],
  ["0.7 * reverse_kld() + 0.3 * mse() + 2 * cosine()", true],
  ["halves()", true],
  ["total()", false],
  ["largest()", false],
  ["rooted()", false],
  ["kld() * kld()", false],
  ["balance(kld(), mse())", false],
])("%s: %s", (text, parts) => {
  expect(isMeanOverWindows(lossOf(text), "window")).toBe(parts);
});
