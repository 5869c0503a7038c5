/** Reads as many bytes as asked for, or says that the file is cut short. */
import type { FileHandle } from "node:fs/promises";
import { fileError, RunError } from "../errors.js";

/** Bytes asked of the system at once. */
const READ_BYTES = 1 << 23;

/** Fills `into` from byte `position` of the file on. */
export const readFully = async (
  file: FileHandle,
  path: string,
  into: Uint8Array,
  position: number,
): Promise<void> => {
  try {
    for (let done = 0; done < into.length; ) {
      const length = Math.min(into.length - done, READ_BYTES);
      const { bytesRead } = await file.read(into, done, length, position + done);
      if (bytesRead === 0) throw new RunError(`${path} is cut short`);
      done += bytesRead;
    }
  } catch (error) {
    throw fileError("read", path, error);
  }
};
