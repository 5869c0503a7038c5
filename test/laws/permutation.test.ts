/** Permuting units, then scoring and pruning, keeps the corresponding ones. */
import { productLaw } from "./law.js";

productLaw(
  "permutation",
  [
    // Scores of equal size laid out in the order they are met.
    {
      file: "compiler/library/criterion.ts",
      find: "return builder.permute(builder.sum(node, extra), wanted);",
      replace: "return builder.sum(node, extra);",
    },
    // The first units, whatever their scores.
    {
      file: "runtime/weights/select.ts",
      find: "b.score - a.score || a.index - b.index)",
      replace: "a.index - b.index)",
    },
  ],
  { units: ["activation(batch: l2, position: mean)", "magnitude"] },
);
