/** Whether a folder can be written, asked before hours of work rather than after. */
import { accessSync, constants, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileError, RunError } from "../errors.js";

/** Throws a RunError where `folder` cannot be made or written; touches nothing. */
export const assertWritable = (folder: string): void => {
  let nearest = resolve(folder);
  try {
    let status = statSync(nearest, { throwIfNoEntry: false });
    while (status === undefined) {
      nearest = dirname(nearest);
      status = statSync(nearest, { throwIfNoEntry: false });
    }
    if (!status.isDirectory())
      throw new RunError(`cannot write ${folder}: ${nearest} is a file`, {
        hint: "choose another folder",
      });
    accessSync(nearest, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw fileError("write", folder, error);
  }
};
