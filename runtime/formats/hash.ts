/** Fingerprints of files: path, size and sha256, read as a stream. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { fileError } from "../errors.js";

export interface FileHash {
  /** As people know it, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** Hashes the file at `path`; `name` is what the result calls it. */
export const hashFile = async (path: string, name: string): Promise<FileHash> => {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      const part = chunk as Buffer;
      hash.update(part);
      bytes += part.length;
    }
  } catch (error) {
    throw fileError("read", path, error);
  }
  return { path: name, bytes, sha256: hash.digest("hex") };
};
