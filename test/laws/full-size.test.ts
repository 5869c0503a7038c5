/** Pruning to the full size is the identity, of every bit of the weights and every key of config.json. */
import { productLaw } from "./law.js";

productLaw("full-size", [
  {
    file: "runtime/weights/select.ts",
    find: ".sort((a, b) => a - b);",
    replace: ".sort((a, b) => b - a);",
  },
  {
    file: "runtime/weights/modes.ts",
    find: "sourceStride *= before;",
    replace: "sourceStride *= after - 1;",
  },
  {
    file: "compiler/library/resize.ts",
    find: "if (whole) return config;",
    replace: "if (!whole) return config;",
  },
]);
