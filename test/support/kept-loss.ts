/** Losses between logits that are given, as the pass that keeps a teacher's largest ones sees them. */
import type { Axis, Node } from "../../compiler/ir/tensor.js";
import { ownerIn } from "../../compiler/library/library.js";
import { must } from "../../compiler/planning/outcome.js";
import type { Product } from "../laws/mutant.js";
import { memoryHost } from "./memory-host.js";

/** Losses that a user could write: of all other tokens as one, and weighed by how sure the teacher is. */
const HOUSE = `edition 1
loss kld_and_rest(target [window, position, vocab] = teacher.logits, guess [window, position, vocab] = student.logits, top) {
  among  = largest[vocab](target, top)
  p      = log_softmax[vocab](target)
  q      = log_softmax[vocab](guess)
  p_rest = 1 - sum[vocab](among * exp(p)) + 1e-6
  q_rest = 1 - sum[vocab](among * exp(q)) + 1e-6
  mean[window, position](sum[vocab](among * exp(p) * (p - q)) + p_rest * log(p_rest / q_rest))
}
loss sure(target [window, position, vocab] = teacher.logits, guess [window, position, vocab] = student.logits) {
  p = log_softmax[vocab](target)
  mean[window, position](-log_softmax[vocab](guess)[labels] / (1 - sum[vocab](exp(p) * p)))
}
loss at_labels(target [window, position, vocab] = teacher.logits, guess [window, position, vocab] = student.logits) {
  difference = target[labels] - guess[labels]
  mean[window, position](difference * difference)
}
loss of_batch(target [window, position, vocab] = teacher.logits, guess [window, position, vocab] = student.logits) {
  apart      = target - mean[window](target)
  difference = apart[labels] - guess[labels]
  mean[window, position](difference * difference)
}
`;

export interface Sizes {
  readonly window: number;
  readonly position: number;
  readonly vocab: number;
}

export const lossBetween = (product: Product, text: string, sizes: Sizes, count: number) => {
  const files = [...memoryHost().stdlib().values(), product.parse("house.prune", HOUSE)];
  const { library } = product.loadLibrary(files.map(({ file }) => file));
  const { file } = product.parse("spec.prune", `let loss = ${text}\n`);
  const [declaration] = file.declarations;
  if (declaration?.kind !== "binding") throw new Error("not a loss");
  const builder = new product.Builder();
  const axis = (name: keyof Sizes): Axis => ({ name, size: sizes[name] });
  const tokens = [axis("window"), axis("position")] as const;
  const [logits, guess] = ["teacher", "student"].map(
    (party): Node => builder.input(`${party}/logits`, [...tokens, axis("vocab")]),
  );
  if (logits === undefined || guess === undefined) throw new Error("two parties");
  const scope = {
    teacher: new Map([["logits", logits]]),
    student: new Map([["logits", guess]]),
    labels: builder.input("labels", tokens, "u32"),
  };
  const loss = must(
    product.elaborateLoss({ file, decl: declaration.value }, library, builder, scope),
  );
  const teaching = { logits, tokens, count, ownerOf: ownerIn("teacher") };
  return { builder, loss, guess, teaching };
};
