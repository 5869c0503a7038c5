/** Scores taken batch by batch are those of the whole data, whatever the criterion and the batch. */
import { productLaw } from "./law.js";

const NORMS = ["mean", "l2", "variance"];

const activations = NORMS.flatMap((batch) =>
  NORMS.map((position) => `activation(batch: ${batch}, position: ${position})`),
);

productLaw(
  "batch-split",
  [
    // A function of a sum taken for a sum.
    {
      file: "compiler/passes/decompose.ts",
      find: "if (isAdditive(node, axis)) cuts.add(node);",
      replace: "if ([node, ...operandsOf(node)].some((n) => isAdditive(n, axis))) cuts.add(node);",
    },
  ],
  { units: [...activations, "magnitude"] },
);
