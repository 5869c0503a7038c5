/** The part of the plan's data that says what a model is: its sizes, and where each tensor lies in files and on the device. */

import type { Dtype } from "../kernels/operand.js";

/**
 * One tensor of a model: in the file `file` with shape = product of sizes per dimension, and in the model's
 * state buffer as `dtype` at `offset`, row-major over all axes in order.
 */
export interface WeightEntry {
  /** As the architecture declares it, e.g. "q_proj". */
  readonly weight: string;
  /** Index along the layer axis, null for weights outside it. */
  readonly layer: number | null;
  readonly file: string;
  readonly dims: readonly (readonly { readonly axis: string; readonly size: number }[])[];
  /** Which part it is of a tensor that holds several weights; null where the tensor is this weight. */
  readonly part: TensorPart | null;
  /** Byte offset in the model's state buffers, a multiple of 256. */
  readonly offset: number;
  /** On the device: f32, or the 16 bits that the model's files have, which are read as f32; f32 where it is trained. */
  readonly dtype: Dtype;
}

/** The tensor as rows of `row` elements, of which the weight's are `length` from `start` on. */
export interface TensorPart {
  /** Of the whole tensor. */
  readonly shape: readonly number[];
  readonly rows: number;
  readonly row: number;
  readonly start: number;
  readonly length: number;
}

/** Units that are kept or cut together, two by two. Others go one by one, and a cut axis has as large a share of pairs. */
export interface Pairs {
  /** The share of the axis, from its front, whose n units come in pairs. */
  readonly share: number;
  /** Whether units 2 i and 2 i + 1 are a pair; else i and i + n / 2 are. */
  readonly adjacent: boolean;
}

export interface ModelLayout {
  /** Name in the spec; its weights are the state buffer `${name}.weights`. */
  readonly name: string;
  readonly axes: Readonly<Record<string, number>>;
  readonly layerAxis: string | null;
  /** By axis. */
  readonly paired: Readonly<Record<string, Pairs>>;
  readonly weights: readonly WeightEntry[];
  /** How names of tensors begin, which files may leave out; "" where they may not. */
  readonly prefix: string;
  /** Names of tensors that are no weights; `*` stands for anything. */
  readonly ignored: readonly string[];
  readonly bytes: number;
  readonly parameters: number;
  /** The config.json this shape is written with. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Its lists with an entry for each layer, by key; of a model whose layers were cut, the run knows which entries are left. */
  readonly layerLists: Readonly<Record<string, readonly unknown[]>>;
  /** Multiply-adds times two for one token at the given context, forward. */
  readonly flopsPerToken: number;
}
