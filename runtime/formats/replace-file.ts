/** Large files written piece by piece, yet seen whole or not at all: a temporary name, flushed, then renamed. */
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { fileError } from "../errors.js";

/** Calls `write` with a new file beside `path`, then puts it in the place of `path`. */
export const replaceFile = async (
  path: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> => {
  const temporary = `${path}.${process.pid}.partial`;
  try {
    const file = await open(temporary, "w");
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw fileError("write", path, error);
  }
};

/** Writes all of the bytes where the file stands. */
export const writeFully = async (file: FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
};
