/**
 * JSON with numbers spelled as in the text they came from. Readers that check types tell 4.0 from 4, which are one number
 * here: the configurations of transformers refuse an integer where a float belongs.
 */
import { isLosslessNumber, parse, stringify } from "lossless-json";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value, with each number that the original has in its place as it is spelled there. */
const spelled = (value: unknown, original: unknown): unknown => {
  if (typeof value === "number")
    return isLosslessNumber(original) && Number(original.value) === value ? original : value;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = Array.isArray(original) ? original : [];
    return value.map((item, at) => spelled(item, items[at]));
  }
  if (!isObject(value)) return value;
  const members = isObject(original) ? original : {};
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, spelled(item, members[key])]),
  );
};

/** A JSON value as text, two spaces a level; what stands unchanged in `original`, a JSON text, is spelled as there. */
export const spelledAs = (value: unknown, original: string): string => {
  const read = parse(original, null, { onDuplicateKey: ({ newValue }) => newValue });
  return stringify(spelled(value, read), null, 2) ?? "null";
};
