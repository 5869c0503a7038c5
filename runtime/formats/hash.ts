/** Fingerprints of files: path, size and sha256, read piece by piece. */
import { createHash } from "node:crypto";
import { fileError } from "../errors.js";
import { openRegular } from "./regular-file.js";

const BLOCK_BYTES = 2 ** 20;

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
    // One buffer for all of it: a stream's many would keep the garbage collector as busy as the hash keeps the processor.
    const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, BLOCK_BYTES, bytes);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } catch (error) {
    throw fileError("read", path, error);
  } finally {
    await handle.close();
  }
  return { path: name, bytes, sha256: hash.digest("hex") };
};
