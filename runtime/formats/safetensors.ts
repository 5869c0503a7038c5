/**
 * Safetensors files as f32: one tensor at a time by byte range, nothing loaded whole. Our own, because the npm packages
 * for it only read headers or remote files. Little-endian, like the format and every machine that Node is built for today.
 */
import type { FileHandle } from "node:fs/promises";
import { fileError, RunError } from "../errors.js";
import { decodeText } from "./json-file.js";
import { POINTER_BYTES, pointerHint } from "./lfs-pointer.js";
import { readFully } from "./read-fully.js";
import { openRegular } from "./regular-file.js";
import { replaceFile, writeFully } from "./replace-file.js";
import { HEADER_LIMIT, INTEGERS, READABLE } from "./safetensors-format.js";
import { formatHeader, type Header, parseHeader, type TensorEntry } from "./safetensors-header.js";
import {
  BLOCK,
  converted,
  DTYPE_BYTES,
  type Dtype,
  readFloats,
  type StoredTensor,
} from "./stored-tensor.js";

/** An open file of tensors. */
export interface Safetensors {
  readonly path: string;
  /** In the file's order of names. */
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** The shape of a tensor; RunError where the file does not hold it. */
  readonly shape: (name: string) => readonly number[];
  /** A tensor as it is in the file; RunError where its type is none that weights are read from. */
  readonly tensor: (name: string) => StoredTensor;
  /** A tensor as f32, row-major; exact. */
  readonly read: (name: string) => Promise<Float32Array>;
  /** A tensor of whole numbers, row-major; RunError where its type is another. */
  readonly readIntegers: (name: string) => Promise<readonly number[]>;
  readonly close: () => Promise<void>;
}

const readHeader = async (
  file: FileHandle,
  bytes: number,
  path: string,
): Promise<{ readonly header: Header; readonly dataStart: number }> => {
  if (bytes < 8) throw new RunError(`${path} is cut short: it has ${bytes} bytes`);
  const first = Buffer.alloc(8);
  await readFully(file, path, first, 0);
  const length = first.readBigUInt64LE();
  if (length > BigInt(bytes - 8)) {
    const beginning = Buffer.alloc(Math.min(bytes, POINTER_BYTES));
    await readFully(file, path, beginning, 0);
    throw new RunError(`${path}: the header claims ${length} bytes, the file has ${bytes} in all`, {
      hint: "the file is cut short or not a safetensors file",
      ...pointerHint(beginning.toString("latin1")),
    });
  }
  if (length > BigInt(HEADER_LIMIT))
    throw new RunError(`${path}: the header claims ${length} bytes, more than ${HEADER_LIMIT}`);
  const text = new Uint8Array(Number(length));
  await readFully(file, path, text, 8);
  const dataStart = 8 + text.length;
  const header = parseHeader(decodeText(text, `${path}: the header`), bytes - dataStart, path);
  return { header, dataStart };
};

const dtypeOf = ({ name, dtype }: TensorEntry, path: string): Dtype => {
  const readable = READABLE.get(dtype);
  if (readable !== undefined) return readable;
  const known = [...READABLE.keys()].join(", ");
  throw new RunError(`${path}: tensor ${name} is ${dtype}; weights are read from ${known}`, {
    hint: "convert it: in transformers, model.to(torch.bfloat16).save_pretrained(FOLDER)",
  });
};

const view = (file: FileHandle, path: string, header: Header, dataStart: number): Safetensors => {
  const entryOf = (name: string): TensorEntry => {
    const entry = header.tensors.get(name);
    if (entry === undefined) throw new RunError(`${path} has no tensor ${name}`);
    return entry;
  };
  const tensor = (name: string): StoredTensor => {
    const entry = entryOf(name);
    const dtype = dtypeOf(entry, path);
    const position = dataStart + entry.begin;
    return {
      dtype,
      count: entry.shape.reduce((a, b) => a * b, 1),
      read: async (start, into) => {
        const at = start * DTYPE_BYTES[dtype];
        if (entry.begin + at + into.length > entry.end)
          throw new RunError(`${path}: tensor ${name} ends before element ${start}`);
        await readFully(file, path, into, position + at);
      },
    };
  };
  return {
    path,
    names: [...header.tensors.keys()],
    metadata: header.metadata,
    shape: (name) => entryOf(name).shape,
    tensor,
    read: async (name) => readFloats(tensor(name)),
    readIntegers: async (name) => {
      const entry = entryOf(name);
      const integers = INTEGERS.get(entry.dtype);
      if (integers === undefined) {
        const known = [...INTEGERS.keys()].join(", ");
        throw new RunError(
          `${path}: tensor ${name} is ${entry.dtype}, where one of ${known} is wanted`,
        );
      }
      const bytes = new Uint8Array(entry.end - entry.begin);
      await readFully(file, path, bytes, dataStart + entry.begin);
      return integers(bytes.buffer);
    },
    close: () => file.close(),
  };
};

/** Opens a file and checks its header against its size. A missing one is a RunError with code "ENOENT". */
export const openSafetensors = async (path: string): Promise<Safetensors> => {
  const { handle, bytes } = await openRegular(path);
  try {
    const { header, dataStart } = await readHeader(handle, bytes, path);
    return view(handle, path, header, dataStart);
  } catch (error) {
    await handle.close();
    throw fileError("read", path, error);
  }
};

export interface TensorData {
  readonly name: string;
  /** In the file, whatever it is in `data`. */
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** As many elements as the shape says. */
  readonly data: StoredTensor;
}

const entriesOf = (tensors: readonly TensorData[]): TensorEntry[] => {
  let offset = 0;
  return tensors.map(({ name, dtype, shape, data }) => {
    const begin = offset;
    offset += data.count * DTYPE_BYTES[dtype];
    return { name, dtype: dtype.toUpperCase(), shape, begin, end: offset };
  });
};

/** Bytes after which the disk is set to work on what it has been given, so that less is left to wait for at the end. */
const FLUSH_BYTES = 64 * 2 ** 20;

/** Has the disk write now and then what has been handed to it; `done` waits for the last of it. */
const flusher = (file: FileHandle) => {
  let given = 0;
  let flushing: Promise<void> | null = null;
  return {
    wrote: (bytes: number): void => {
      given += bytes;
      if (given < FLUSH_BYTES || flushing !== null) return;
      given = 0;
      flushing = file.datasync().finally(() => {
        flushing = null;
      });
      flushing.catch(() => undefined); // said by the sync at the end
    },
    done: async (): Promise<void> => {
      await flushing;
    },
  };
};

/** One block is written while the next is read, of the same tensor or of the one after it. */
const writeData = async (file: FileHandle, tensors: readonly TensorData[]): Promise<void> => {
  const largest = Math.max(
    0,
    ...tensors.map(({ dtype, data }) => Math.min(data.count, BLOCK) * DTYPE_BYTES[dtype]),
  );
  const buffers = [new Uint8Array(largest), new Uint8Array(largest)] as const;
  const { wrote, done } = flusher(file);
  let writing: Promise<void> = Promise.resolve();
  let turn: 0 | 1 = 0;
  for (const { dtype, data } of tensors) {
    const source = converted(data, dtype);
    const size = DTYPE_BYTES[dtype];
    for (let start = 0; start < source.count; start += BLOCK) {
      const part = buffers[turn].subarray(0, Math.min(BLOCK, source.count - start) * size);
      await Promise.all([writing, source.read(start, part)]);
      writing = writeFully(file, part);
      wrote(part.length);
      turn = turn === 0 ? 1 : 0;
    }
  }
  await writing;
  await done();
};

/**
 * Writes tensors in the order given, to a temporary name and then into place: equal arguments give equal bytes, and no
 * half-written file is ever under `path`. `metadata` adds to { format: "pt" }, which other readers ask for.
 */
export const writeSafetensors = async (
  path: string,
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> => {
  const names = tensors.map((tensor) => tensor.name);
  if (new Set(names).size < names.length) throw new RunError(`${path}: two tensors have one name`);
  const header = formatHeader(entriesOf(tensors), { format: "pt", ...metadata });
  await replaceFile(path, async (file) => {
    await writeFully(file, header);
    await writeData(file, tensors);
  });
};
