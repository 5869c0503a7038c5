/**
 * What a folder's weights are stored in, by the headers of its files alone. Quick and quiet, as `check` asks: a header that
 * is wrong says nothing here, and is refused when weights are read.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { decodeText, parseObject } from "./json-file.js";
import { HEADER_LIMIT, READABLE } from "./safetensors-format.js";
import type { Dtype } from "./stored-tensor.js";
import { weightFiles } from "./weight-files.js";

/** The JSON of a header; null where there is none of a likely size. */
const headerText = (path: string): string | null => {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const status = fstatSync(file);
    const first = Buffer.alloc(8);
    if (!status.isFile() || readSync(file, first, 0, 8, 0) < 8) return null;
    const length = Number(first.readBigUInt64LE());
    if (length > Math.min(status.size - 8, HEADER_LIMIT)) return null;
    const bytes = new Uint8Array(length);
    return readSync(file, bytes, 0, length, 8) < length ? null : decodeText(bytes, path);
  } finally {
    closeSync(file);
  }
};

const dtypeIn = (entry: unknown): Dtype | undefined =>
  typeof entry === "object" && entry !== null && "dtype" in entry
    ? READABLE.get(String(entry.dtype))
    : undefined;

/** Types of tensors by name, of those that weights are read from; null where the folder's weights are not to be read. */
export const folderDtypes = (folder: string): ReadonlyMap<string, Dtype> | null => {
  try {
    const found = new Map<string, Dtype>();
    for (const file of weightFiles(folder).files) {
      const path = join(folder, file);
      const text = headerText(path);
      if (text === null) return null;
      for (const [name, entry] of Object.entries(parseObject(text, path))) {
        const dtype = dtypeIn(entry);
        if (dtype !== undefined) found.set(name, dtype);
      }
    }
    return found;
  } catch {
    return null;
  }
};
