/** GGUF files: the header at once, tensors by ranges; packed ones become f32 block by block as they are read. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { fileError, RunError } from "../errors.js";
import { BLOCKS, type Blocks } from "./gguf-blocks.js";
import {
  type GgufHeader,
  type GgufTensorEntry,
  ggufTypeName,
  MoreBytes,
  PLAIN_DTYPES,
  parseGguf,
  readableTypes,
  shortest,
} from "./gguf-header.js";
import { readFully } from "./read-fully.js";
import { openRegular } from "./regular-file.js";
import { DTYPE_BYTES, type Dtype, type StoredTensor } from "./stored-tensor.js";

/** A path that names a GGUF file rather than a folder. */
export const isGguf = (path: string): boolean => /\.gguf$/i.test(path);

/** What is read of a file before it is known how long its header is; most of it is the vocabulary. */
const FIRST_BYTES = 1 << 23;
/** No tokenizer comes near. */
const HEADER_LIMIT = 1 << 29;

/** As many bytes as there are, `length` at most. */
const readRange = (file: number, begin: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const read = readSync(file, bytes, done, length - done, begin + done);
    if (read === 0) break;
    done += read;
  }
  return bytes.subarray(0, done);
};

const parseFile = (file: number, total: number, path: string): GgufHeader => {
  for (let length = FIRST_BYTES; ; length *= 4) {
    try {
      return parseGguf(readRange(file, 0, Math.min(length, total)), total, path);
    } catch (error) {
      if (!(error instanceof MoreBytes)) throw error;
      if (length >= Math.min(total, HEADER_LIMIT))
        throw new RunError(`${path} has a header of more than ${HEADER_LIMIT} bytes`);
    }
  }
};

/** The header of a file, checked against its size. */
export const readGgufHeader = (path: string): GgufHeader => {
  let file: number | null = null;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const status = fstatSync(file);
    if (!status.isFile()) throw new RunError(`${path} is not a file`);
    return parseFile(file, status.size, path);
  } catch (error) {
    throw fileError("read", path, error);
  } finally {
    if (file !== null) closeSync(file);
  }
};

const LIST_LIMIT = 1 << 16;

/** A tensor of one dimension in f32 as the shortest decimals, without waiting; null where there is none of the name. */
export const readGgufNumbers = (
  path: string,
  { tensors }: GgufHeader,
  name: string,
): readonly number[] | null => {
  const entry = tensors.get(name);
  if (entry === undefined) return null;
  const { shape, type, begin, bytes } = entry;
  if (PLAIN_DTYPES.get(type as 0) !== "f32" || shape.length !== 1 || bytes > LIST_LIMIT)
    throw new RunError(`${path}: tensor ${name} is not a short list of numbers in f32`);
  let file: number | null = null;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const read = readRange(file, begin, bytes);
    const view = new DataView(read.buffer, read.byteOffset, read.byteLength);
    return Array.from({ length: read.length / 4 }, (_, at) =>
      shortest(view.getFloat32(4 * at, true)),
    );
  } catch (error) {
    throw fileError("read", path, error);
  } finally {
    if (file !== null) closeSync(file);
  }
};

export interface Gguf extends GgufHeader {
  readonly path: string;
  /** RunError where there is no such tensor, or none that can be read. */
  readonly tensor: (name: string) => StoredTensor;
  readonly close: () => Promise<void>;
}

const countOf = ({ shape }: GgufTensorEntry): number => shape.reduce((a, b) => a * b, 1);

const plain = (
  file: FileHandle,
  path: string,
  entry: GgufTensorEntry,
  dtype: Dtype,
): StoredTensor => ({
  dtype,
  count: countOf(entry),
  read: (start, into) => readFully(file, path, into, entry.begin + start * DTYPE_BYTES[dtype]),
});

/** Packed elements as f32: whole blocks are read around the range that is asked for. */
const packed = (
  file: FileHandle,
  path: string,
  entry: GgufTensorEntry,
  { elements, bytes, unpack }: Blocks,
): StoredTensor => {
  const block = new Float32Array(elements);
  return {
    dtype: "f32",
    count: countOf(entry),
    read: async (start, into) => {
      const floats = new Float32Array(into.buffer, into.byteOffset, into.byteLength / 4);
      const first = Math.floor(start / elements);
      const last = Math.ceil((start + floats.length) / elements);
      const raw = new Uint8Array((last - first) * bytes);
      await readFully(file, path, raw, entry.begin + first * bytes);
      for (let at = first; at < last; at++) {
        const to = at * elements - start;
        const from = (at - first) * bytes;
        if (to >= 0 && to + elements <= floats.length) unpack(raw, from, floats, to);
        else {
          unpack(raw, from, block, 0);
          const wanted = block.subarray(Math.max(0, -to), Math.min(elements, floats.length - to));
          floats.set(wanted, Math.max(0, to));
        }
      }
    },
  };
};

/** Opens a file. Close it when done. */
export const openGguf = async (path: string): Promise<Gguf> => {
  const header = readGgufHeader(path);
  const { handle } = await openRegular(path);
  return {
    ...header,
    path,
    tensor: (name) => {
      const entry = header.tensors.get(name);
      if (entry === undefined) throw new RunError(`${path} has no tensor ${name}`);
      const dtype = PLAIN_DTYPES.get(entry.type as 0 | 1 | 30);
      if (dtype !== undefined) return plain(handle, path, entry, dtype);
      const blocks = BLOCKS.get(entry.type);
      if (blocks !== undefined) return packed(handle, path, entry, blocks);
      throw new RunError(
        `${path}: tensor ${name} is ${ggufTypeName(entry.type)}; weights are read from ${readableTypes()}`,
      );
    },
    close: () => handle.close(),
  };
};
