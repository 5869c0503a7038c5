/** Views of tensors whose elements stand in another order, or have a number added, in another format. */
import { bytesOf, converted, DTYPE_BYTES, type StoredTensor } from "./stored-tensor.js";

/** An axis within a tensor: how many elements stand for one step of it, and how many times it runs. */
export interface AxisPlace {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}

/**
 * The tensor with unit `u` of an axis taken from unit `from(u)`. One run of the axis is read at a time, and kept until
 * another is wanted.
 */
const reordered = (
  tensor: StoredTensor,
  { size, inner }: AxisPlace,
  from: (unit: number) => number,
): StoredTensor => {
  const bytes = DTYPE_BYTES[tensor.dtype];
  const run = size * inner;
  const raw = new Uint8Array(run * bytes);
  const turned = new Uint8Array(run * bytes);
  let at = -1;
  const load = async (wanted: number): Promise<void> => {
    if (at === wanted) return;
    await tensor.read(wanted * run, raw);
    const row = inner * bytes;
    for (let unit = 0; unit < size; unit++) {
      const source = from(unit) * row;
      turned.set(raw.subarray(source, source + row), unit * row);
    }
    at = wanted;
  };
  return {
    dtype: tensor.dtype,
    count: tensor.count,
    read: async (start, into) => {
      for (let done = 0; done < into.length; ) {
        const element = start + done / bytes;
        await load(Math.floor(element / run));
        const first = (element % run) * bytes;
        const part = turned.subarray(first, first + into.length - done);
        into.set(part, done);
        done += part.length;
      }
    },
  };
};

/** Equal parts of an axis that stand one after the other, from a tensor in which they take turns. */
export const separated = (tensor: StoredTensor, place: AxisPlace, parts: number): StoredTensor => {
  const length = place.size / parts;
  return reordered(tensor, place, (unit) => (unit % length) * parts + Math.floor(unit / length));
};

/** Equal parts of an axis taking turns: the way back. */
export const interleaved = (
  tensor: StoredTensor,
  place: AxisPlace,
  parts: number,
): StoredTensor => {
  const length = place.size / parts;
  return reordered(tensor, place, (unit) => (unit % parts) * length + Math.floor(unit / parts));
};

/** Each element with a number added, as f32. */
export const shifted = (tensor: StoredTensor, by: number): StoredTensor => {
  if (by === 0) return tensor;
  const source = converted(tensor, "f32");
  return {
    dtype: "f32",
    count: source.count,
    read: async (start, into) => {
      const floats = new Float32Array(into.length / 4);
      await source.read(start, bytesOf(floats));
      into.set(bytesOf(floats.map((value) => value + by)));
    },
  };
};
