/** Numbers given as options of a command. */
import { CommandError } from "./failure.js";

const numberOf = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));

/** A whole number of at least `least`. */
export const wholeOption = (text: string, option: string, least = 1): number => {
  const value = numberOf(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new CommandError(`${option} takes a whole number from ${least}, not ${text}`);
  return value;
};

/** A number from `least` to `most`. */
export const realOption = (text: string, option: string, least: number, most: number): number => {
  const value = numberOf(text);
  if (!(value >= least && value <= most)) {
    const range = most === Number.POSITIVE_INFINITY ? `from ${least}` : `from ${least} to ${most}`;
    throw new CommandError(`${option} takes a number ${range}, not ${text}`);
  }
  return value;
};
