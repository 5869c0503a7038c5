/** From the tensors of a folder to the arena of a model: every tensor that the layout asks for, in exactly its shape. */
import type { ModelLayout, WeightEntry } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import type { Checkpoint } from "./checkpoint-folder.js";

/** The shape a weight has in its file: one dimension for each list of axes. */
export const fileShape = (weight: WeightEntry): number[] =>
  weight.dims.map((axes) => axes.reduce((product, axis) => product * axis.size, 1));

/** Where a weight stands in the arena, in elements. */
export const arenaRange = (
  weight: WeightEntry,
): { readonly begin: number; readonly end: number } => {
  const begin = weight.offset / 4;
  return { begin, end: begin + fileShape(weight).reduce((a, b) => a * b, 1) };
};

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

/** Reads a model: f32, laid out as `layout` says, zeros between weights. Shapes are checked before anything is allocated. */
export const readWeights = async (
  checkpoint: Checkpoint,
  layout: ModelLayout,
): Promise<Float32Array> => {
  checkShapes(checkpoint, layout);
  checkPresence(checkpoint, layout);
  const arena = new Float32Array(layout.bytes / 4);
  for (const weight of layout.weights) {
    const { begin, end } = arenaRange(weight);
    await checkpoint.readInto(weight.file, arena.subarray(begin, end));
  }
  return arena;
};
