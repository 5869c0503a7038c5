/** Every law, those that say most first. */
import { batchSplit } from "./batch-split.js";
import { bySteps } from "./by-steps.js";
import { deadUnits } from "./dead-units.js";
import { divergence } from "./divergence.js";
import { exportImport } from "./export-import.js";
import { fullSize } from "./full-size.js";
import { gradients } from "./gradients.js";
import type { Law } from "./law.js";
import { masking } from "./masking.js";
import { nesting } from "./nesting.js";
import { pairs } from "./pairs.js";
import { parameters } from "./parameters.js";
import { permutation } from "./permutation.js";

export const LAWS: readonly Law[] = [
  fullSize,
  deadUnits,
  permutation,
  masking,
  pairs,
  nesting,
  bySteps,
  gradients,
  divergence,
  batchSplit,
  parameters,
  exportImport,
];
