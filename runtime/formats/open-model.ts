/** The weights of a model as a plan opens it, in a Hugging Face folder or a GGUF file. */
import type { ModelLayout, OpenStage } from "../../compiler/plan.js";
import { type Checkpoint, openCheckpoint } from "./checkpoint-folder.js";
import { openGgufModel } from "./gguf-model.js";
import { weightsOf } from "./weights.js";

/** How an opened model is read. */
export type Reading = OpenStage["gguf"];

/** Opens the weights at `path`. Close them when done. */
export const openModel = (
  path: string,
  reading: Reading,
  layout: ModelLayout,
): Promise<Checkpoint> =>
  reading === null ? openCheckpoint(path) : openGgufModel(path, reading, layout);

/**
 * Opens the weights at `path` and closes them: RunError where a tensor is missing, or of a shape or type that is not read.
 * Headers alone are read, no numbers.
 */
export const tryWeights = async (
  path: string,
  reading: Reading,
  layout: ModelLayout,
): Promise<void> => {
  const checkpoint = await openModel(path, reading, layout);
  try {
    weightsOf(checkpoint, layout);
  } finally {
    await checkpoint.close();
  }
};
