/** Headers of GGUF files, and of models that are split into several; read without waiting, as `check` asks for them. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";
import { fileError, RunError } from "../errors.js";
import { type GgufHeader, MoreBytes, PLAIN_DTYPES, parseGguf, shortest } from "./gguf-header.js";

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

/** Does something with an open file, without waiting. */
const within = <T>(path: string, use: (file: number) => T): T => {
  let file: number | null = null;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    return use(file);
  } catch (error) {
    throw fileError("read", path, error);
  } finally {
    if (file !== null) closeSync(file);
  }
};

/** The header of one file, checked against its size. */
const headerOf = (path: string): GgufHeader =>
  within(path, (file) => {
    const status = fstatSync(file);
    if (!status.isFile()) throw new RunError(`${path} is not a file`);
    return parseFile(file, status.size, path);
  });

/** `NAME-00001-of-00003.gguf`, as files are named that a model is split into. */
const PART = /-\d{5}-of-(\d{5}\.gguf)$/i;

const numberAt = ({ metadata }: GgufHeader, key: string): number | null => {
  const value = metadata.get(key);
  return typeof value === "number" ? value : null;
};

/** Paths of the files that a model is split into, by the header of its first; that one alone where it is whole. */
export const ggufParts = (path: string, header: GgufHeader): readonly string[] => {
  const count = numberAt(header, "split.count") ?? 1;
  if (count <= 1) return [path];
  if (!PART.test(path))
    throw new RunError(`${path} is one of ${count} files, and its name does not say of which`, {
      hint: "give all of them the names that they had: NAME-00001-of-00003.gguf",
    });
  const part = (at: number): string =>
    path.replace(PART, (_, end: string) => `-${String(at + 1).padStart(5, "0")}-of-${end}`);
  const own = numberAt(header, "split.no") ?? 0;
  if (own > 0)
    throw new RunError(`${path} is file ${own + 1} of the ${count} that a model is split into`, {
      hint: `open the first, ${basename(part(0))}, with the others beside it`,
    });
  return Array.from({ length: count }, (_, at) => part(at));
};

/** The header of a file, or of all that a model is split into, each checked against its size. */
export const readGgufHeader = (path: string): GgufHeader => {
  const first = headerOf(path);
  const [, ...others] = ggufParts(path, first);
  const tensors = new Map(first.tensors);
  for (const part of others)
    for (const [name, entry] of headerOf(part).tensors) {
      if (tensors.has(name)) throw new RunError(`${part} has tensor ${name} again`);
      tensors.set(name, entry);
    }
  const wanted = numberAt(first, "split.tensors.count");
  if (others.length > 0 && wanted !== null && wanted !== tensors.size)
    throw new RunError(
      `${path} and the files beside it have ${tensors.size} of ${wanted} tensors`,
      {
        hint: "they are not of one model: get them again",
      },
    );
  return { metadata: first.metadata, tensors };
};

const LIST_LIMIT = 1 << 16;

/** A tensor of one dimension in f32 as the shortest decimals, without waiting; null where there is none of the name. */
export const readGgufNumbers = (
  { tensors }: GgufHeader,
  name: string,
): readonly number[] | null => {
  const entry = tensors.get(name);
  if (entry === undefined) return null;
  const { path, shape, type, begin, bytes } = entry;
  if (PLAIN_DTYPES.get(type as 0) !== "f32" || shape.length !== 1 || bytes > LIST_LIMIT)
    throw new RunError(`${path}: tensor ${name} is not a short list of numbers in f32`);
  const read = within(path, (file) => readRange(file, begin, bytes));
  const view = new DataView(read.buffer, read.byteOffset, read.byteLength);
  return Array.from({ length: read.length / 4 }, (_, at) =>
    shortest(view.getFloat32(4 * at, true)),
  );
};
