/** A model in a GGUF file: its tensors under the names and in the order of a Hugging Face folder, and the way back. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type {
  GgufKey,
  GgufList,
  GgufSource,
  GgufTarget,
  GgufTensor,
  ModelLayout,
  WeightEntry,
} from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import type { Checkpoint } from "./checkpoint-folder.js";
import { fileTensors } from "./file-tensors.js";
import { openGguf } from "./gguf.js";
import { Q8_0 } from "./gguf-blocks.js";
import { readGgufHeader } from "./gguf-files.js";
import { type GgufDtype, type GgufTensorData, type TypedValue, writeGguf } from "./gguf-write.js";
import { type AxisPlace, interleaved, permuted, scaled, separated, unscaled } from "./reorder.js";
import { ofFloats, type StoredTensor } from "./stored-tensor.js";
import { fileShape, type Weights } from "./weights.js";
import { assertWritable } from "./writable.js";

/** Where an axis is among all axes of a weight. */
const placeOf = ({ dims }: WeightEntry, axis: string): AxisPlace => {
  const axes = dims.flat();
  const at = axes.findIndex((candidate) => candidate.axis === axis);
  const product = (part: typeof axes): number => part.reduce((n, { size }) => n * size, 1);
  return {
    outer: product(axes.slice(0, at)),
    size: axes[at]?.size ?? 1,
    inner: product(axes.slice(at + 1)),
  };
};

const checkParts = (place: AxisPlace, parts: number, name: string): void => {
  if (place.size % parts !== 0)
    throw new RunError(`tensor ${name} has ${place.size} units, which do not make ${parts} parts`);
};

/** With its axes as the folder has them. */
const ordered = (tensor: StoredTensor, order: GgufTensor["order"]): StoredTensor => {
  if (order === null) return tensor;
  const sizes = order.axes.map((axis) => order.sizes[axis] ?? 1);
  const back = order.sizes.map((_, axis) => order.axes.indexOf(axis));
  return permuted(tensor, sizes, back);
};

/** The dimensions that the folder would have, where the GGUF file has those it should. */
const shapeInFolder = (
  found: readonly number[],
  entry: WeightEntry | undefined,
  order: GgufTensor["order"],
): readonly number[] =>
  entry !== undefined && order?.shape.join() === found.join() ? fileShape(entry) : found;

/** As a Hugging Face folder would hold it. */
const asInFolder = (
  tensor: StoredTensor,
  entry: WeightEntry,
  { interleave, order, times, plus, tensor: name }: GgufTensor,
): StoredTensor => {
  const plain = ordered(unscaled(tensor, times, plus), order);
  if (interleave === null) return plain;
  const place = placeOf(entry, interleave.axis);
  checkParts(place, interleave.parts, name);
  return separated(plain, place, interleave.parts);
};

const asInGguf = (
  tensor: StoredTensor,
  entry: WeightEntry,
  { interleave, order, times, plus, tensor: name }: GgufTensor,
): StoredTensor => {
  const changed = scaled(tensor, times, plus);
  const added = order === null ? changed : permuted(changed, order.sizes, order.axes);
  if (interleave === null) return added;
  const place = placeOf(entry, interleave.axis);
  checkParts(place, interleave.parts, name);
  return interleaved(added, place, interleave.parts);
};

/** Opens the weights of a GGUF file under the names of a folder; what has no such name keeps its own. */
export const openGgufModel = async (
  path: string,
  source: GgufSource,
  layout: ModelLayout,
): Promise<Checkpoint> => {
  const file = await openGguf(path);
  const entries = new Map(layout.weights.map((entry) => [entry.file, entry]));
  const known = new Map(source.tensors.map((tensor) => [tensor.file, tensor]));
  const named = new Set([...source.tensors.map(({ tensor }) => tensor), ...source.lists]);
  const nameOf = (name: string): string => known.get(name)?.tensor ?? name;
  const has = (name: string): boolean => file.tensors.has(nameOf(name));
  const others = [...file.tensors.keys()].filter((name) => !named.has(name));
  return {
    folder: path,
    names: [...[...known.keys()].filter(has), ...others],
    has,
    pathOf: (name) => file.tensors.get(nameOf(name))?.path ?? path,
    shape: (name) => {
      const entry = file.tensors.get(nameOf(name));
      if (entry === undefined) throw new RunError(`${path} has no tensor ${nameOf(name)}`);
      return shapeInFolder(entry.shape, entries.get(name), known.get(name)?.order ?? null);
    },
    tensor: (name) => {
      const tensor = file.tensor(nameOf(name));
      const [entry, place] = [entries.get(name), known.get(name)];
      return entry === undefined || place === undefined ? tensor : asInFolder(tensor, entry, place);
    },
    close: file.close,
  };
};

/** What ggml calls a file of mostly this type. */
const FILE_TYPE: Readonly<Record<GgufDtype, number>> = { f32: 0, f16: 1, q8_0: 7, bf16: 32 };
const QUANTIZATION_VERSION = 2;

const typedValue = (key: GgufKey): TypedValue => {
  switch (key.type) {
    case "u32":
    case "f32":
      return { type: key.type, value: key.value };
    case "bool":
      return { type: "bool", value: key.value };
    case "text":
      return { type: "text", value: key.value };
    default:
      return key satisfies never;
  }
};

const metadataOf = (
  { keys }: GgufTarget,
  name: string,
  dtype: GgufDtype,
  tokenizer: ReadonlyMap<string, TypedValue>,
): ReadonlyMap<string, TypedValue> =>
  new Map<string, TypedValue>([
    ...keys.map((key) => [key.key, typedValue(key)] as const),
    ["general.name", { type: "text", value: name }],
    ["general.file_type", { type: "u32", value: FILE_TYPE[dtype] }],
    ["general.quantization_version", { type: "u32", value: QUANTIZATION_VERSION }],
    ...tokenizer,
  ]);

/** Vectors stay f32, as ggml wants them; rows that are no whole blocks are f16 in the place of q8_0. */
const dtypeOf = (shape: readonly number[], dtype: GgufDtype): GgufDtype => {
  if (shape.length < 2) return "f32";
  return dtype === "q8_0" && (shape.at(-1) ?? 1) % Q8_0.elements !== 0 ? "f16" : dtype;
};

/** Whether what stands there is an earlier model, or nothing. */
const checkTarget = (path: string): void => {
  assertWritable(dirname(path));
  if (!existsSync(path)) return;
  try {
    readGgufHeader(path);
  } catch {
    throw new RunError(`${path} holds something that is not a model`, {
      hint: "export to another name, or move it away",
    });
  }
};

const listData = ({ tensor, values }: GgufList): GgufTensorData => ({
  name: tensor,
  dtype: "f32",
  shape: [values.length],
  data: ofFloats(Float32Array.from(values)),
});

/** Writes a model as one GGUF file; `tokenizer` is the metadata that says what its tokens are. */
export const writeGgufModel = async (
  path: string,
  weights: Weights,
  dtype: GgufDtype,
  target: GgufTarget,
  tokenizer: ReadonlyMap<string, TypedValue>,
): Promise<void> => {
  checkTarget(path);
  const places = new Map(target.tensors.map((place) => [place.file, place]));
  const entries = new Map(weights.layout.weights.map((entry) => [entry.file, entry]));
  const tensors = fileTensors(weights).map((tensor) => {
    const [place, entry] = [places.get(tensor.name), entries.get(tensor.name)];
    if (place === undefined || entry === undefined)
      throw new RunError(`GGUF has no name for ${tensor.name}`);
    const shape = place.order?.shape ?? tensor.shape;
    const data = asInGguf(tensor.data(dtype === "q8_0" ? "f32" : dtype), entry, place);
    return { name: place.tensor, dtype: dtypeOf(shape, dtype), shape, data };
  });
  const metadata = metadataOf(target, weights.layout.name, dtype, tokenizer);
  await writeGguf(path, metadata, [...target.lists.map(listData), ...tensors]);
};
