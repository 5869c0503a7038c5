/** Fingerprints of files: path, size and sha256, read as a stream. */
import { createHash } from "node:crypto";
import { fileError } from "../errors.js";
import { openRegular } from "./regular-file.js";

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
  const { handle } = await openRegular(path);
  try {
    for await (const chunk of handle.createReadStream({
      highWaterMark: 1 << 20,
      autoClose: false,
    })) {
      const part = chunk as Buffer;
      hash.update(part);
      bytes += part.length;
    }
  } catch (error) {
    throw fileError("read", path, error);
  } finally {
    await handle.close();
  }
  return { path: name, bytes, sha256: hash.digest("hex") };
};
