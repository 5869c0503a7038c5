/** Cutting dead units changes no logit beyond rounding. */
import { productLaw } from "./law.js";

productLaw("dead-units", [
  // The kept set of another layer or group.
  {
    file: "runtime/weights/modes.ts",
    find: "row = row * size + index;",
    replace: "row = row * size;",
  },
  // The first units in the place of those kept.
  {
    file: "runtime/weights/gather.ts",
    find: "const unit = sourceUnit(mode, digit, place);",
    replace: "const unit = digit;",
  },
]);
