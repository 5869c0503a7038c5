/**
 * A tensor wherever its elements are: in a file, in memory, on the device, or chosen from another tensor. It is read by
 * ranges, so that no tensor need be in memory whole.
 */
import { type HalfDtype, narrow, widen } from "./float16.js";

export type Dtype = "f32" | HalfDtype;

export const DTYPE_BYTES: Readonly<Record<Dtype, number>> = { f32: 4, f16: 2, bf16: 2 };

export interface StoredTensor {
  readonly dtype: Dtype;
  /** Elements, row-major. */
  readonly count: number;
  /** Puts elements from `start` on into `into`, as many as fit in `dtype`; one read at a time, aligned to its elements. */
  readonly read: (start: number, into: Uint8Array) => Promise<void>;
}

/** Elements handled at once. */
export const BLOCK = 1 << 22;

export const bytesOf = (array: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const floatsAt = (bytes: Uint8Array): Float32Array =>
  new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);

const halvesAt = (bytes: Uint8Array): Uint16Array =>
  new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);

/** Numbers at hand. */
export const ofFloats = (floats: Float32Array): StoredTensor => ({
  dtype: "f32",
  count: floats.length,
  read: async (start, into) => {
    into.set(bytesOf(floats.subarray(start, start + into.length / 4)));
  },
});

const widened = (tensor: StoredTensor, dtype: HalfDtype): StoredTensor => {
  let halves = new Uint16Array(0);
  return {
    dtype: "f32",
    count: tensor.count,
    read: async (start, into) => {
      const floats = floatsAt(into);
      if (halves.length < floats.length) halves = new Uint16Array(floats.length);
      const part = halves.subarray(0, floats.length);
      await tensor.read(start, bytesOf(part));
      widen(dtype, part, floats);
    },
  };
};

const narrowed = (tensor: StoredTensor, dtype: HalfDtype): StoredTensor => {
  let floats = new Float32Array(0);
  return {
    dtype,
    count: tensor.count,
    read: async (start, into) => {
      const halves = halvesAt(into);
      if (floats.length < halves.length) floats = new Float32Array(halves.length);
      const part = floats.subarray(0, halves.length);
      await tensor.read(start, bytesOf(part));
      narrow(dtype, part, halves);
    },
  };
};

/** The tensor in another type; in its own it is itself, bit for bit. To f32 is exact, from f32 rounds to nearest even. */
export const converted = (tensor: StoredTensor, dtype: Dtype): StoredTensor => {
  if (tensor.dtype === dtype) return tensor;
  const floats = tensor.dtype === "f32" ? tensor : widened(tensor, tensor.dtype);
  return dtype === "f32" ? floats : narrowed(floats, dtype);
};

/** Gives the tensor as f32 block by block, each valid until the next is asked for. */
export async function* floatBlocks(
  tensor: StoredTensor,
): AsyncGenerator<{ readonly start: number; readonly floats: Float32Array }> {
  const source = converted(tensor, "f32");
  const floats = new Float32Array(Math.min(source.count, BLOCK));
  for (let start = 0; start < source.count; start += floats.length) {
    const part = floats.subarray(0, source.count - start);
    await source.read(start, bytesOf(part));
    yield { start, floats: part };
  }
}

/** Gives the tensor as it is block by block, the last filled up to whole words; each is valid until the next is asked for. */
export async function* wordBlocks(
  tensor: StoredTensor,
): AsyncGenerator<{ readonly start: number; readonly words: Uint32Array }> {
  const size = DTYPE_BYTES[tensor.dtype];
  const wordsOf = (count: number): number => Math.ceil((count * size) / 4);
  const words = new Uint32Array(wordsOf(Math.min(tensor.count, BLOCK)));
  for (let start = 0; start < tensor.count; start += BLOCK) {
    const count = Math.min(BLOCK, tensor.count - start);
    const part = words.subarray(0, wordsOf(count));
    part.fill(0, -1);
    await tensor.read(start, new Uint8Array(part.buffer, 0, count * size));
    yield { start, words: part };
  }
}

/** The whole tensor as f32. */
export const readFloats = async (tensor: StoredTensor): Promise<Float32Array> => {
  const floats = new Float32Array(tensor.count);
  await converted(tensor, "f32").read(0, bytesOf(floats));
  return floats;
};
