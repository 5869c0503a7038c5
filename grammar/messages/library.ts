/** Wording about libraries: definitions, architectures against a config.json, and the axes of expressions. */

import { suggestion } from "./names.js";
import { message } from "./registry.js";

export const libraryMessages = {
  "duplicate-definition": message(
    "error",
    (p: { readonly what: string; readonly name: string }) => ({
      message: `there already is a ${p.what} \`${p.name}\``,
    }),
  ),
  "unknown-architecture": message(
    "error",
    (p: { readonly name: string; readonly known: readonly string[] }) => ({
      message: `no architecture here is for "${p.name}"`,
      hint: p.known.length === 0 ? undefined : `there are: ${p.known.join(", ")}`,
    }),
  ),
  "config-value": message("error", (p: { readonly axis: string; readonly value: string }) => ({
    message: `config.json makes the axis \`${p.axis}\` ${p.value}, which is not a whole number from 1`,
  })),
  "config-unsupported": message(
    "error",
    (p: { readonly model: string; readonly requirement: string }) => ({
      message: `this description of ${p.model} does not cover the model: ${p.requirement} does not hold`,
    }),
  ),
  "config-cannot-say": message(
    "error",
    (p: { readonly axis: string; readonly wanted: number; readonly read: number }) => ({
      message: `config.json cannot express this shape: \`${p.axis}\` ${p.wanted} would be read back as ${p.read}`,
    }),
  ),
  "unknown-in-library": message(
    "error",
    (p: { readonly name: string; readonly near: string | null }) => ({
      message: `\`${p.name}\` is not defined here`,
      hint: suggestion(p.near),
    }),
  ),
  "axis-missing": message("error", (p: { readonly axis: string; readonly has: string }) => ({
    message: `this has no axis \`${p.axis}\``,
    caret: `over ${p.has}`,
  })),
  "axes-differ": message("error", (p: { readonly wants: string; readonly has: string }) => ({
    message: `this needs ${p.wants}`,
    caret: p.has,
  })),
  "wrong-arguments": message("error", (p: { readonly reason: string }) => ({ message: p.reason })),
  "wrong-value": message("error", (p: { readonly wanted: string; readonly found: string }) => ({
    message: `this is ${p.found}, where ${p.wanted} belongs`,
  })),
  recursion: message("error", (p: { readonly name: string }) => ({
    message: `\`${p.name}\` is defined by itself`,
  })),
};
