/** Amounts of memory on the command line: `2GiB`, `800 MB`. */
import { quantityOf } from "../../compiler/recipe/units.js";
import { CommandError } from "./failure.js";

/** `--memory` in bytes; null where it is not given. */
export const memoryOf = (text: string | undefined): number | null => {
  if (text === undefined) return null;
  const [, number = "", unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*$/.exec(text) ?? [];
  const quantity = number === "" ? null : quantityOf(Number(number), unit);
  if (quantity === null || quantity.unit !== "bytes" || quantity.value < 1)
    throw new CommandError(`--memory takes an amount like 2GiB or 800MB, not ${text}`);
  return Math.floor(quantity.value);
};

/** An amount that suffices, as `--memory` takes it. */
export const memoryText = (bytes: number): string => {
  const gibibytes = bytes / 2 ** 30;
  return gibibytes >= 1
    ? `${Math.ceil(gibibytes * 10) / 10}GiB`
    : `${Math.max(1, Math.ceil(bytes / 2 ** 20))}MiB`;
};
