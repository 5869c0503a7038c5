/**
 * Safetensors files as f32: one tensor at a time by byte range, nothing loaded whole. Our own, because the npm packages
 * for it only read headers or remote files. Little-endian, like the format and every machine that Node is built for today.
 */
import type { FileHandle } from "node:fs/promises";
import { fileError, RunError } from "../errors.js";
import { type HalfDtype, narrow, widen } from "./float16.js";
import { decodeText } from "./json-file.js";
import { openRegular } from "./regular-file.js";
import { replaceFile } from "./replace-file.js";
import {
  formatHeader,
  HEADER_LIMIT,
  type Header,
  parseHeader,
  type TensorEntry,
} from "./safetensors-header.js";

export type Dtype = "f32" | HalfDtype;

export const DTYPE_BYTES: Readonly<Record<Dtype, number>> = { f32: 4, f16: 2, bf16: 2 };

const READABLE: ReadonlyMap<string, Dtype> = new Map([
  ["F32", "f32"],
  ["F16", "f16"],
  ["BF16", "bf16"],
]);

/** Elements read or written at once. */
const CHUNK = 1 << 20;

/** An open file of tensors. */
export interface Safetensors {
  readonly path: string;
  /** In the file's order of names. */
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** The shape of a tensor; RunError where the file does not hold it. */
  readonly shape: (name: string) => readonly number[];
  /** A tensor as f32, row-major; exact. */
  readonly read: (name: string) => Promise<Float32Array>;
  /** The same into memory at hand, of exactly as many elements. */
  readonly readInto: (name: string, into: Float32Array) => Promise<void>;
  readonly close: () => Promise<void>;
}

const bytesOf = (array: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const readFully = async (
  file: FileHandle,
  path: string,
  into: Uint8Array,
  position: number,
): Promise<void> => {
  for (let done = 0; done < into.length; ) {
    const length = Math.min(into.length - done, CHUNK * 4);
    const { bytesRead } = await file.read(into, done, length, position + done);
    if (bytesRead === 0) throw new RunError(`${path} is cut short`);
    done += bytesRead;
  }
};

const readHeader = async (
  file: FileHandle,
  bytes: number,
  path: string,
): Promise<{ readonly header: Header; readonly dataStart: number }> => {
  if (bytes < 8) throw new RunError(`${path} is cut short: it has ${bytes} bytes`);
  const first = Buffer.alloc(8);
  await readFully(file, path, first, 0);
  const length = first.readBigUInt64LE();
  if (length > BigInt(bytes - 8))
    throw new RunError(`${path}: the header claims ${length} bytes, the file has ${bytes} in all`, {
      hint: "the file is cut short or not a safetensors file",
    });
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
  throw new RunError(`${path}: tensor ${name} is ${dtype}; weights are read from ${known}`);
};

const readTensor = async (
  file: FileHandle,
  path: string,
  dtype: Dtype,
  position: number,
  into: Float32Array,
): Promise<void> => {
  if (dtype === "f32") return readFully(file, path, bytesOf(into), position);
  const halves = new Uint16Array(Math.min(into.length, CHUNK));
  for (let done = 0; done < into.length; done += halves.length) {
    const part = halves.subarray(0, into.length - done);
    await readFully(file, path, bytesOf(part), position + done * 2);
    widen(dtype, part, into.subarray(done, done + part.length));
  }
};

const view = (file: FileHandle, path: string, header: Header, dataStart: number): Safetensors => {
  const entryOf = (name: string): TensorEntry => {
    const entry = header.tensors.get(name);
    if (entry === undefined) throw new RunError(`${path} has no tensor ${name}`);
    return entry;
  };
  const count = (entry: TensorEntry): number => entry.shape.reduce((a, b) => a * b, 1);
  const readInto = async (name: string, into: Float32Array): Promise<void> => {
    const entry = entryOf(name);
    if (into.length !== count(entry))
      throw new RunError(
        `${path}: tensor ${name} has ${count(entry)} elements, not ${into.length}`,
      );
    try {
      await readTensor(file, path, dtypeOf(entry, path), dataStart + entry.begin, into);
    } catch (error) {
      throw fileError("read", path, error);
    }
  };
  return {
    path,
    names: [...header.tensors.keys()],
    metadata: header.metadata,
    shape: (name) => entryOf(name).shape,
    readInto,
    read: async (name) => {
      const entry = entryOf(name);
      // Only of these types has the header's shape been checked against the file's size: refuse before allocating.
      dtypeOf(entry, path);
      const into = new Float32Array(count(entry));
      await readInto(name, into);
      return into;
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
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Row-major, as many as the shape says. */
  readonly data: Float32Array;
}

const entriesOf = (tensors: readonly TensorData[]): TensorEntry[] => {
  let offset = 0;
  return tensors.map(({ name, dtype, shape, data }) => {
    const begin = offset;
    offset += data.length * DTYPE_BYTES[dtype];
    return { name, dtype: dtype.toUpperCase(), shape, begin, end: offset };
  });
};

const writeData = async (file: FileHandle, { dtype, data }: TensorData): Promise<void> => {
  const halves = dtype === "f32" ? null : new Uint16Array(Math.min(data.length, CHUNK));
  for (let done = 0; done < data.length; done += CHUNK) {
    const part = data.subarray(done, done + CHUNK);
    if (dtype === "f32" || halves === null) {
      await writeFully(file, bytesOf(part));
      continue;
    }
    const narrowed = halves.subarray(0, part.length);
    narrow(dtype, part, narrowed);
    await writeFully(file, bytesOf(narrowed));
  }
};

const writeFully = async (file: FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
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
    for (const tensor of tensors) await writeData(file, tensor);
  });
};
