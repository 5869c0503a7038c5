/** Wording about quantities and their units. */
import { message } from "./registry.js";

export const unitMessages = {
  "unit-mismatch": message(
    "error",
    (p: {
      readonly what: string;
      readonly takes: string;
      readonly found: string;
      /** How it might have been meant. */
      readonly write?: readonly string[];
    }) => ({
      message: `${p.what} takes ${p.takes}, found ${p.found}`,
      hint: p.write === undefined ? undefined : `write \`${p.write.join("` or `")}\``,
    }),
  ),
  "unit-mixed": message(
    "error",
    (p: { readonly op: string; readonly left: string; readonly right: string }) => ({
      message: `\`${p.op}\` cannot join ${p.left} and ${p.right}`,
    }),
  ),
  "unknown-unit": message(
    "error",
    (p: {
      readonly unit: string;
      readonly near: string | null;
      readonly known: readonly string[];
      /** Whether nothing follows it on its line. */
      readonly last?: boolean;
    }) => ({
      message: `\`${p.unit}\` is not a unit`,
      hint:
        p.near !== null
          ? `did you mean \`${p.near}\`?`
          : p.last === false
            ? "another setting begins on a new line"
            : `units are ${p.known.join(", ")}`,
    }),
  ),
  "not-constant": message("error", (p: { readonly what: string }) => ({
    message: `${p.what} is not a number known here`,
  })),
  "value-range": message(
    "error",
    (p: { readonly what: string; readonly takes: string; readonly found: string }) => ({
      message: `${p.what} takes ${p.takes}, found ${p.found}`,
    }),
  ),
} as const;
