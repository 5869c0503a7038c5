/** The text of a .prune file that a command was given. */
import { readFileSync } from "node:fs";
import { systemCode, systemReason } from "../errors.js";
import { CommandError } from "./failure.js";

/** CommandError says why there is none. */
export const readSource = (path: string): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    if (error instanceof TypeError)
      throw new CommandError(`cannot read ${path}: it is not UTF-8 text`);
    const code = systemCode(error);
    const reason = code === "ENOENT" ? "there is no such file" : (systemReason(error) ?? code);
    throw new CommandError(
      `cannot read ${path}: ${reason}`,
      code === "EISDIR" ? { hint: "name a .prune file in it" } : {},
    );
  }
};
