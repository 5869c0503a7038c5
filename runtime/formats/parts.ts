/**
 * Weights that stand side by side in one tensor, such as queries, keys and values: each is a view of the tensor, and the
 * tensor a view of them. Whole rows are read many at a time, of others the part that is asked for.
 */
import type { TensorPart } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { DTYPE_BYTES, type Dtype, type StoredTensor } from "./stored-tensor.js";

/** Bytes of whole rows read at once, where one row is not larger. */
const SPAN_BYTES = 4 * 2 ** 20;

/** A range of elements among rows of `length`: within one row, or whole rows. */
interface Range {
  /** Elements from the start of what is asked for. */
  readonly at: number;
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly count: number;
}

/** The ranges that make up `count` elements from `start` on; `most` says how many elements of a row are in one piece. */
const rangesOf = (
  start: number,
  count: number,
  length: number,
  size: number,
  most: (column: number) => number,
): Range[] => {
  const ranges: Range[] = [];
  const together = Math.max(1, Math.floor(SPAN_BYTES / (length * size)));
  for (let at = 0; at < count; at += ranges.at(-1)?.count ?? count) {
    const row = Math.floor((start + at) / length);
    const column = start + at - row * length;
    const left = count - at;
    const rows = column > 0 ? 0 : Math.min(together, Math.floor(left / length));
    const piece = rows > 0 ? rows * length : Math.min(left, most(column));
    ranges.push({ at, row, column, rows, count: piece });
  }
  return ranges;
};

/** A buffer that grows to what is asked of it. */
const growing = (): ((bytes: number) => Uint8Array) => {
  let buffer = new Uint8Array(0);
  return (bytes) => {
    if (buffer.length < bytes) buffer = new Uint8Array(bytes);
    return buffer.subarray(0, bytes);
  };
};

/** One weight of a tensor that holds several. */
export const partOf = (tensor: StoredTensor, part: TensorPart): StoredTensor => {
  const { rows, row: stride, start: first, length } = part;
  const size = DTYPE_BYTES[tensor.dtype];
  const span = growing();
  const read = async (start: number, into: Uint8Array): Promise<void> => {
    const ranges = rangesOf(start, into.length / size, length, size, (column) => length - column);
    for (const { at, row, column, rows: whole, count } of ranges) {
      const from = row * stride + first + column;
      if (whole === 0) {
        await tensor.read(from, into.subarray(at * size, (at + count) * size));
        continue;
      }
      const bytes = span(((whole - 1) * stride + length) * size);
      await tensor.read(from, bytes);
      for (let i = 0; i < whole; i++)
        into.set(
          bytes.subarray(i * stride * size, (i * stride + length) * size),
          (at + i * length) * size,
        );
    }
  };
  return { dtype: tensor.dtype, count: rows * length, read };
};

export interface Part {
  readonly part: TensorPart;
  /** In the type of the whole. */
  readonly tensor: StoredTensor;
}

/** The tensor that the weights make together. */
export const joined = (dtype: Dtype, parts: readonly Part[]): StoredTensor => {
  const [first] = parts;
  if (first === undefined) throw new RunError("a tensor of no weights");
  const { rows, row: length } = first.part;
  const size = DTYPE_BYTES[dtype];
  const span = growing();
  const holding = (column: number): Part => {
    const found = parts.find(({ part }) => column < part.start + part.length);
    if (found === undefined) throw new RunError(`no weight stands at ${column} of a row`);
    return found;
  };
  const read = async (start: number, into: Uint8Array): Promise<void> => {
    const end = (column: number): number => {
      const { part } = holding(column);
      return part.start + part.length - column;
    };
    for (const range of rangesOf(start, into.length / size, length, size, end)) {
      const { at, row, column, rows: whole, count } = range;
      if (whole === 0) {
        const { part, tensor } = holding(column);
        const from = row * part.length + column - part.start;
        await tensor.read(from, into.subarray(at * size, (at + count) * size));
        continue;
      }
      for (const { part, tensor } of parts) {
        const bytes = span(whole * part.length * size);
        await tensor.read(row * part.length, bytes);
        for (let i = 0; i < whole; i++)
          into.set(
            bytes.subarray(i * part.length * size, (i + 1) * part.length * size),
            (at + i * length + part.start) * size,
          );
      }
    }
  };
  return { dtype, count: rows * length, read };
};
