/** The weights of a model, wherever they are: every tensor that its layout asks for, in exactly its shape. */
import type { ModelLayout, WeightEntry } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import type { Checkpoint } from "./checkpoint-folder.js";
import { partOf } from "./parts.js";
import type { StoredTensor } from "./stored-tensor.js";

/** A model's weights, read when they are needed. */
export interface Weights {
  readonly layout: ModelLayout;
  /** For an entry of `layout`. */
  readonly tensor: (weight: WeightEntry) => StoredTensor;
  readonly close: () => Promise<void>;
}

/** The shape of a weight's tensor in its file: one dimension for each list of axes, parts one after another. */
export const fileShape = ({ dims, part }: WeightEntry): readonly number[] =>
  part?.shape ?? dims.map((axes) => axes.reduce((product, axis) => product * axis.size, 1));

export const elementsOf = (weight: WeightEntry): number =>
  weight.dims.flat().reduce((product, { size }) => product * size, 1);

/** A pattern's `*` stands for anything. */
const matches = (pattern: string, name: string): boolean => {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(name);
};

/** The name under which a folder has a weight's tensor: as the layout says, or without its prefix. */
const nameIn = (checkpoint: Checkpoint, { prefix }: ModelLayout, { file }: WeightEntry): string => {
  const bare = file.startsWith(prefix) ? file.slice(prefix.length) : file;
  return !checkpoint.has(file) && checkpoint.has(bare) ? bare : file;
};

/** Tensors of a folder that the layout has no place for and the architecture does not speak of. */
export const unexpectedTensors = (
  checkpoint: Checkpoint,
  layout: ModelLayout,
): readonly string[] => {
  const wanted = new Set(layout.weights.map((weight) => nameIn(checkpoint, layout, weight)));
  return checkpoint.names.filter(
    (name) => !wanted.has(name) && !layout.ignored.some((pattern) => matches(pattern, name)),
  );
};

const sample = (names: readonly string[]): string =>
  names.length <= 3
    ? names.join(", ")
    : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;

const checkPresence = (checkpoint: Checkpoint, layout: ModelLayout): void => {
  const absent = layout.weights
    .map((weight) => nameIn(checkpoint, layout, weight))
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
    const name = nameIn(checkpoint, layout, weight);
    if (!checkpoint.has(name)) continue;
    const [found, wanted] = [checkpoint.shape(name), fileShape(weight)];
    if (found.length !== wanted.length || found.some((length, i) => length !== wanted[i]))
      throw new RunError(
        `${checkpoint.pathOf(name)}: tensor ${name} is [${found.join(", ")}], where config.json makes it [${wanted.join(", ")}]`,
      );
  }
};

/** The weights of a folder; names, shapes and types are checked now, numbers are read later. */
export const weightsOf = (checkpoint: Checkpoint, layout: ModelLayout): Weights => {
  checkShapes(checkpoint, layout);
  checkPresence(checkpoint, layout);
  const tensor = (weight: WeightEntry): StoredTensor => {
    const whole = checkpoint.tensor(nameIn(checkpoint, layout, weight));
    return weight.part === null ? whole : partOf(whole, weight.part);
  };
  for (const weight of layout.weights) tensor(weight);
  return { layout, tensor, close: checkpoint.close };
};
