/** JSON files from outside: their size is looked at before they are read, and nothing but an object comes back. */
import { readFileSync, statSync } from "node:fs";
import { fileError, RunError } from "../errors.js";
import { pointerHint } from "./lfs-pointer.js";

export interface JsonObject {
  readonly value: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** UTF-8 or nothing; a byte order mark is dropped. */
export const decodeText = (bytes: Uint8Array, path: string): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
    throw new RunError(`${path} is not UTF-8 text`, {
      cause,
      ...(packed ? { hint: "it is packed by gzip: unpack it first" } : {}),
    });
  }
};

const readBytes = (path: string, limit: number): Uint8Array => {
  try {
    const status = statSync(path);
    if (!status.isFile()) throw new RunError(`${path} is not a file`);
    if (status.size > limit)
      throw new RunError(`${path} has ${status.size} bytes, more than the ${limit} allowed`);
    return readFileSync(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
};

/** The object that a text holds; RunError names `path` otherwise. */
export const parseObject = (text: string, path: string): Readonly<Record<string, unknown>> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RunError(`${path} is not valid JSON`, { cause, ...pointerHint(text) });
  }
  if (!isObject(value)) throw new RunError(`${path} does not hold a JSON object`);
  return value;
};

/** Reads a JSON object of at most `limit` bytes. */
export const readJsonObject = (path: string, limit: number): JsonObject => {
  const text = decodeText(readBytes(path, limit), path);
  return { value: parseObject(text, path), text };
};
