/** Small files of a run, seen whole or not at all; a failure (a full disk, a read-only one) is said in one line. */
import writeFileAtomic from "write-file-atomic";
import { fileError } from "../errors.js";

export const writeWhole = async (path: string, text: string): Promise<void> => {
  try {
    await writeFileAtomic(path, text);
  } catch (error) {
    throw fileError("write", path, error);
  }
};
