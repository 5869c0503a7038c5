/** Wording about libraries: definitions, architectures against a config.json, and the axes of expressions. */

import { suggestion } from "./names.js";
import { message } from "./registry.js";

export const libraryMessages = {
  "duplicate-definition": message(
    "error",
    (p: { readonly what: string; readonly name: string }) => ({
      message: `there already is ${p.what === "architecture" ? "an" : "a"} ${p.what} \`${p.name}\``,
    }),
  ),
  "unknown-architecture": message(
    "error",
    (p: {
      /** Null where config.json names none. */
      readonly name: string | null;
      readonly near: string | null;
      readonly known: readonly string[];
    }) => ({
      message:
        p.name === null
          ? "config.json names no class under `architectures`"
          : `no architecture here is for "${p.name}"`,
      hint: [
        ...(p.near === null ? [] : [`the nearest is ${p.near}`]),
        "write an `architecture` for it in a file, and name that by `use` or `--use`",
        ...(p.known.length === 0 ? [] : [`there are: ${p.known.join(", ")}`]),
      ].join("; "),
    }),
  ),
  "config-value": message(
    "error",
    (p: {
      readonly axis: string;
      readonly value: string;
      readonly reads: readonly string[];
      readonly most?: number;
    }) => ({
      message: `config.json makes the axis \`${p.axis}\` ${p.value}, which is not a whole number from 1${p.most === undefined ? "" : ` to ${p.most}`}`,
      hint: p.reads.length === 0 ? undefined : `it is read from ${p.reads.join(", ")}`,
    }),
  ),
  "weight-layerless": message("error", (p: { readonly weight: string; readonly axis: string }) => ({
    message: `\`${p.weight}\` is one of each \`${p.axis}\`, and the name of its tensor does not say which`,
    hint: `write {layer} where the name has the number, or move the weight out of \`each\``,
  })),
  "config-unsupported": message(
    "error",
    (p: {
      readonly model: string;
      readonly requirement: string;
      readonly reason: string | null;
    }) => ({
      message: `this description of ${p.model} does not cover the model: ${p.reason ?? `${p.requirement} does not hold`}`,
    }),
  ),
  "config-cannot-say": message(
    "error",
    (p: {
      readonly axis: string;
      readonly wanted: number;
      readonly read: number;
      readonly because: string;
    }) => ({
      message: `config.json cannot express this shape: \`${p.axis}\` ${p.wanted} would be read back as ${p.read}`,
      caret: `the architecture says: ${p.because.replace(/\s+/g, " ")}`,
    }),
  ),
  "config-layers": message(
    "error",
    (p: { readonly key: string; readonly entries: number; readonly layers: number }) => ({
      message: `config.json has ${p.entries} entries of \`${p.key}\` for ${p.layers} layers`,
    }),
  ),
  "layers-undecided": message("error", (p: { readonly key: string }) => ({
    message: `which layers stay is known only in the run, and the forward pass depends on the \`${p.key}\` of each`,
    caret: "read here",
    hint: "name the layers that stay, as in `layer -> [0..3]`, or take windows for which layers do not differ",
  })),
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
  "wrong-arguments": message("error", (p: { readonly reason: string; readonly hint?: string }) => ({
    message: p.reason,
    hint: p.hint,
  })),
  "wrong-value": message(
    "error",
    (p: {
      readonly wanted: string;
      readonly found: string;
      readonly write?: string;
      readonly hint?: string;
    }) => ({
      message: `this is ${p.found}, where ${p.wanted} belongs`,
      hint: p.write === undefined ? p.hint : `write \`${p.write}\``,
    }),
  ),
  recursion: message("error", (p: { readonly name: string }) => ({
    message: `\`${p.name}\` is defined by itself`,
  })),
};
