/** `export MODEL to "path" { format safetensors … }`: a finished model, written inside the run's folder. */
import type { StageDecl } from "../../../grammar/ast.js";
import { readClauses } from "../clauses.js";
import { evaluate } from "../constant.js";
import { type Context, find, say } from "../context.js";
import type { ExportStep } from "../recipe.js";
import { readSettings } from "../settings.js";

const DTYPES = ["f32", "f16", "bf16"] as const satisfies readonly ExportStep["dtype"][];

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

export const checkExport = (context: Context, stage: StageDecl): void => {
  const name = stage.names[0];
  if (name === undefined) return;
  const model = find(context, "model", name);
  const path = pathOf(context, stage);
  const settings = readSettings(context, stage, stage.body ?? []);
  settings.word("format");
  const word = settings.has("dtype") ? settings.word("dtype") : "bf16";
  const dtype = DTYPES.find((known) => known === word);
  if (model === null || path === null || dtype === undefined) return;
  context.steps.push({ kind: "export", model: name.name, path, dtype, span: stage.span });
};
