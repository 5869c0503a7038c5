/** GGUF files open for reading: tensors by ranges; packed ones become f32 block by block as they are read. */
import type { FileHandle } from "node:fs/promises";
import { RunError } from "../errors.js";
import { BLOCKS, type Blocks } from "./gguf-blocks.js";
import { ggufParts, readGgufHeader } from "./gguf-files.js";
import {
  type GgufHeader,
  type GgufTensorEntry,
  PLAIN_DTYPES,
  unreadableTensor,
} from "./gguf-header.js";
import { readFully } from "./read-fully.js";
import { openRegular } from "./regular-file.js";
import { DTYPE_BYTES, type Dtype, type StoredTensor } from "./stored-tensor.js";

export interface Gguf extends GgufHeader {
  readonly path: string;
  /** RunError where there is no such tensor, or none that can be read. */
  readonly tensor: (name: string) => StoredTensor;
  readonly close: () => Promise<void>;
}

const countOf = ({ shape }: GgufTensorEntry): number => shape.reduce((a, b) => a * b, 1);

const plain = (file: FileHandle, entry: GgufTensorEntry, dtype: Dtype): StoredTensor => ({
  dtype,
  count: countOf(entry),
  read: (start, into) =>
    readFully(file, entry.path, into, entry.begin + start * DTYPE_BYTES[dtype]),
});

/** Packed elements as f32: whole blocks are read around the range that is asked for. */
const packed = (
  file: FileHandle,
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
      await readFully(file, entry.path, raw, entry.begin + first * bytes);
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

const openAll = async (paths: readonly string[]): Promise<ReadonlyMap<string, FileHandle>> => {
  const handles = new Map<string, FileHandle>();
  try {
    for (const path of paths) handles.set(path, (await openRegular(path)).handle);
    return handles;
  } catch (error) {
    for (const handle of handles.values()) await handle.close();
    throw error;
  }
};

/** Opens a file, or all that a model is split into. Close it when done. */
export const openGguf = async (path: string): Promise<Gguf> => {
  const header = readGgufHeader(path);
  const handles = await openAll(ggufParts(path, header));
  return {
    ...header,
    path,
    tensor: (name) => {
      const entry = header.tensors.get(name);
      const handle = handles.get(entry?.path ?? "");
      if (entry === undefined || handle === undefined)
        throw new RunError(`${path} has no tensor ${name}`);
      const dtype = PLAIN_DTYPES.get(entry.type as 0 | 1 | 30);
      if (dtype !== undefined) return plain(handle, entry, dtype);
      const blocks = BLOCKS.get(entry.type);
      if (blocks !== undefined) return packed(handle, entry, blocks);
      throw new RunError(`${path}: ${unreadableTensor(entry)}`);
    },
    close: async () => {
      for (const handle of handles.values()) await handle.close();
    },
  };
};
