/** Kept sets nest as targets shrink; so cutting by steps, with the scores of what is left, is cutting at once. */
import { productLaw } from "./law.js";

productLaw(
  "nesting",
  [
    // Scores of a place found by how many are kept.
    {
      file: "runtime/weights/select.ts",
      find: "all.slice(place * size, (place + 1) * size)",
      replace: "all.slice(place * keep, place * keep + size)",
    },
    {
      file: "runtime/weights/select.ts",
      find: "a.index - b.index)",
      replace: "(a.index - b.index) * (keep % 2 === 0 ? 1 : -1))",
    },
  ],
  { units: ["activation()", "magnitude"] },
);

productLaw("by-steps", [
  {
    file: "runtime/weights/modes.ts",
    find: "targetStride *= after;",
    replace: "targetStride *= before;",
  },
  {
    file: "runtime/weights/select.ts",
    find: "a.index - b.index)",
    replace: "(a.index - b.index) * (keep % 2 === 0 ? 1 : -1))",
  },
]);
