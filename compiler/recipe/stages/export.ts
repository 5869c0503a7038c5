/** `export MODEL to "path" { format safetensors … }`: a finished model, written inside the run's folder. */
import type { Name, StageDecl } from "../../../grammar/ast.js";
import { unheeded } from "../../library/advice.js";
import { ggufKeys, ggufTensors } from "../../library/gguf.js";
import { ggufLayers } from "../../library/gguf-layers.js";
import { ggufLists } from "../../library/gguf-list.js";
import type { ModelShape } from "../../library/library.js";
import { pretokenizersOf } from "../../library/pretokenizer.js";
import type { GgufTarget } from "../../plan.js";
import { readClauses } from "../clauses.js";
import { evaluate } from "../constant.js";
import { type Context, passOn, say } from "../context.js";
import { readSettings, type Settings } from "../settings.js";
import { one } from "./one-model.js";

const DTYPES = ["f32", "f16", "bf16"] as const;
/** Blocks of 8-bit numbers, which only GGUF has. */
const PACKED = "q8_0";

/** Whether a path stays below the folder it is relative to, on any system. */
const staysInside = (path: string): boolean =>
  path !== "" &&
  !/^([/\\~]|[A-Za-z]:)/.test(path) &&
  !path.includes("\0") &&
  path.split(/[/\\]/).every((part) => part !== ".." && part !== "") &&
  path !== ".";

const pathOf = (context: Context, stage: StageDecl): string | null => {
  const expr = readClauses(context, stage).get("to");
  if (expr === undefined) return null;
  const path = evaluate(context, expr, context.file);
  if (path === null) return null;
  if (typeof path !== "string") {
    const example = 'to "NAME"';
    say(context, "setting-form", expr.span, { name: "to", takes: "a path in quotes", example });
    return null;
  }
  if (!staysInside(path)) {
    say(context, "path-outside", expr.span, { path });
    return null;
  }
  const twice = context.steps.some((step) => step.kind === "export" && step.path === path);
  if (twice) say(context, "duplicate-export", expr.span, { path });
  return twice ? null : path;
};

/** How the model is written as GGUF, or null after saying why it cannot be. */
const ggufTarget = (context: Context, shape: ModelShape, name: Name): GgufTarget | null => {
  const place = { path: context.file.path, span: name.span };
  const parts = [
    ggufKeys(shape, place),
    ggufTensors(shape, place),
    ggufLists(shape, place),
    ggufLayers(shape, place),
    pretokenizersOf(context.library),
  ] as const;
  const [keys, tensors, lists, layers, pretokenizers] = parts;
  if (keys.ok && tensors.ok && lists.ok && layers.ok && pretokenizers.ok) {
    for (const rule of layers.value)
      say(context, "export-undecided", name.span, { model: name.name, keys: rule.keys });
    return {
      keys: keys.value,
      tensors: tensors.value,
      lists: lists.value,
      layers: layers.value,
      pretokenizers: pretokenizers.value,
    };
  }
  const failed = parts.find((part) => !part.ok);
  if (failed?.ok === false) passOn(context, failed.diagnostics, name.span);
  return null;
};

/** The type of the numbers, or null after saying that the format has no such type. */
const dtypeOf = <D extends string>(
  context: Context,
  stage: StageDecl,
  settings: Settings,
  known: readonly D[],
  usual: D,
): D | null => {
  if (!settings.has("dtype")) return usual;
  const word = settings.word("dtype");
  const dtype = known.find((name) => name === word);
  if (dtype !== undefined || word === null) return dtype ?? null;
  const line = stage.body?.find(({ heads }) => heads.some(({ name }) => name === "dtype"));
  const span = line?.items[0]?.span ?? stage.span;
  say(context, "setting-choice", span, { name: "dtype", found: word, known, near: null });
  return null;
};

/** Says what others want of a folder and this one does not have. */
const advise = (context: Context, shape: ModelShape, name: Name): void => {
  for (const { requirement, reason } of unheeded(shape))
    say(context, "export-advised", name.span, { model: name.name, requirement, reason });
};

export const checkExport = (context: Context, stage: StageDecl): void => {
  const name = stage.names[0];
  if (name === undefined) return;
  const model = one(context, name);
  const path = pathOf(context, stage);
  const settings = readSettings(context, stage, stage.body ?? []);
  if (settings.word("format") === "gguf") {
    const dtype = dtypeOf(context, stage, settings, [...DTYPES, PACKED], "bf16");
    if (model === null || path === null || dtype === null) return;
    const gguf = ggufTarget(context, model.shape, name);
    if (gguf !== null) context.steps.push({ kind: "export", model: name.name, path, dtype, gguf });
    return;
  }
  const dtype = dtypeOf(context, stage, settings, DTYPES, "bf16");
  if (model === null || path === null || dtype === null) return;
  advise(context, model.shape, name);
  context.steps.push({ kind: "export", model: name.name, path, dtype, gguf: null });
};
