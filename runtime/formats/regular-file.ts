/** Opens files that really are files: a pipe or a device would be read for ever. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { fileError, RunError } from "../errors.js";

export interface RegularFile {
  readonly handle: FileHandle;
  readonly bytes: number;
}

/** Opens for reading; `shown` is how errors name it. A missing file is a RunError with code "ENOENT". */
export const openRegular = async (path: string, shown: string = path): Promise<RegularFile> => {
  let handle: FileHandle | null = null;
  try {
    // Without waiting, since opening a pipe waits for its writer.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const status = await handle.stat();
    if (!status.isFile()) throw new RunError(`${shown} is not a file`);
    return { handle, bytes: status.size };
  } catch (error) {
    await handle?.close();
    throw fileError("read", shown, error);
  }
};
