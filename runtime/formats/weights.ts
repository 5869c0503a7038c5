/** The weights of a model, wherever they are: every tensor that its layout asks for, in exactly its shape. */
import type { ModelLayout, WeightEntry } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import type { Checkpoint } from "./checkpoint-folder.js";
import type { StoredTensor } from "./stored-tensor.js";

/** A model's weights, read when they are needed. */
export interface Weights {
  readonly layout: ModelLayout;
  /** For an entry of `layout`. */
  readonly tensor: (weight: WeightEntry) => StoredTensor;
  readonly close: () => Promise<void>;
}

/** The shape a weight has in its file: one dimension for each list of axes. */
export const fileShape = (weight: WeightEntry): number[] =>
  weight.dims.map((axes) => axes.reduce((product, axis) => product * axis.size, 1));

export const elementsOf = (weight: WeightEntry): number =>
  fileShape(weight).reduce((product, length) => product * length, 1);

/** Tensors of a folder that the layout has no place for; most are buffers that are computed anew. */
export const unexpectedTensors = (
  checkpoint: Checkpoint,
  layout: ModelLayout,
): readonly string[] => {
  const wanted = new Set(layout.weights.map((weight) => weight.file));
  return checkpoint.names.filter((name) => !wanted.has(name));
};

const sample = (names: readonly string[]): string =>
  names.length <= 3
    ? names.join(", ")
    : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;

const checkPresence = (checkpoint: Checkpoint, layout: ModelLayout): void => {
  const absent = layout.weights
    .map((weight) => weight.file)
    .filter((name) => !checkpoint.has(name));
  if (absent.length === 0) return;
  const others = unexpectedTensors(checkpoint, layout);
  throw new RunError(
    `${checkpoint.folder} lacks ${absent.length === 1 ? "tensor" : `${absent.length} tensors:`} ${sample(absent)}`,
    others.length === 0 ? {} : { hint: `it has others that are not used: ${sample(others)}` },
  );
};

const checkShapes = (checkpoint: Checkpoint, layout: ModelLayout): void => {
  for (const weight of layout.weights) {
    if (!checkpoint.has(weight.file)) continue;
    const [found, wanted] = [checkpoint.shape(weight.file), fileShape(weight)];
    if (found.length !== wanted.length || found.some((length, i) => length !== wanted[i]))
      throw new RunError(
        `${checkpoint.folder}: tensor ${weight.file} is [${found.join(", ")}], config.json says [${wanted.join(", ")}]`,
      );
  }
};

/** The weights of a folder; names, shapes and types are checked now, numbers are read later. */
export const weightsOf = (checkpoint: Checkpoint, layout: ModelLayout): Weights => {
  checkShapes(checkpoint, layout);
  checkPresence(checkpoint, layout);
  const tensor = (weight: WeightEntry): StoredTensor => checkpoint.tensor(weight.file);
  for (const weight of layout.weights) tensor(weight);
  return { layout, tensor, close: checkpoint.close };
};
