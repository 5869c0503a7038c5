/** Views of tensors whose elements stand in another order, or are multiplied and have a number added, in another format. */
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

const elementsIn = (bytes: Uint8Array, size: number): Uint16Array | Uint32Array =>
  size === 2 ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer);

/**
 * The tensor with its axes, of `sizes`, in the order of `axes`: axis i of what comes out is axis `axes[i]` of what is there.
 * It is read whole, and kept as long as this view of it is.
 */
export const permuted = (
  tensor: StoredTensor,
  sizes: readonly number[],
  axes: readonly number[],
): StoredTensor => {
  const bytes = DTYPE_BYTES[tensor.dtype];
  const stride = (axis: number): number =>
    sizes.slice(axis + 1).reduce((product, size) => product * size, 1);
  const turn = async (): Promise<Uint8Array> => {
    const raw = new Uint8Array(tensor.count * bytes);
    await tensor.read(0, raw);
    const [from, to] = [elementsIn(raw, bytes), elementsIn(new Uint8Array(raw.length), bytes)];
    const starts = axes.reduce<Uint32Array>((sofar, axis) => {
      const size = sizes[axis] ?? 1;
      return Uint32Array.from(
        { length: sofar.length * size },
        (_, at) => (sofar[Math.floor(at / size)] ?? 0) + (at % size) * stride(axis),
      );
    }, new Uint32Array(1));
    starts.forEach((start, at) => {
      to[at] = from[start] ?? 0;
    });
    return new Uint8Array(to.buffer);
  };
  let whole: Promise<Uint8Array> | null = null;
  return {
    dtype: tensor.dtype,
    count: tensor.count,
    read: async (start, into) => {
      whole ??= turn();
      const first = start * bytes;
      into.set((await whole).subarray(first, first + into.length));
    },
  };
};

/** Each element multiplied, with a number added then, as f32. */
export const scaled = (tensor: StoredTensor, times: number, plus: number): StoredTensor =>
  mapped(tensor, times === 1 && plus === 0, (value) => value * times + plus);

/** The way back. */
export const unscaled = (tensor: StoredTensor, times: number, plus: number): StoredTensor =>
  mapped(tensor, times === 1 && plus === 0, (value) => (value - plus) / times);

const mapped = (
  tensor: StoredTensor,
  same: boolean,
  change: (value: number) => number,
): StoredTensor => {
  if (same) return tensor;
  const source = converted(tensor, "f32");
  return {
    dtype: "f32",
    count: source.count,
    read: async (start, into) => {
      const floats = new Float32Array(into.length / 4);
      await source.read(start, bytesOf(floats));
      into.set(bytesOf(floats.map(change)));
    },
  };
};
