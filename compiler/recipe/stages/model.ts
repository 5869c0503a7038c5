/** `model NAME = open("folder")`: a model read from a folder; its config.json says which architecture and sizes. */
import type { StageDecl } from "../../../grammar/ast.js";
import { nearest } from "../../../grammar/suggest.js";
import { readArchitecture } from "../../library/architecture.js";
import { readClauses } from "../clauses.js";
import { type Context, passOn, say } from "../context.js";
import { readSettings, textArgument } from "../settings.js";

const EXAMPLE = 'model NAME = open("models/NAME")';

/** The folder as written, or null after saying what is wrong. */
const folderOf = (context: Context, stage: StageDecl) => {
  const { value } = stage;
  const callee = value?.kind === "call" && value.callee.kind === "name" ? value.callee.name : null;
  if (value?.kind === "call" && callee === "open") return textArgument(context, value, EXAMPLE);
  const near = callee === null ? null : nearest(callee, ["open"]);
  const place = value?.kind === "call" ? value.callee.span : (value?.span ?? stage.keywordSpan);
  say(context, "unknown-source", place, {
    stage: "model",
    known: ["open"],
    near,
    example: EXAMPLE,
  });
  return null;
};

export const checkModel = (context: Context, stage: StageDecl): void => {
  const name = stage.names[0]?.name ?? "";
  context.scope.define("model", name, null);
  readClauses(context, stage);
  readSettings(context, stage, stage.body ?? []);
  const folder = folderOf(context, stage);
  if (folder === null) return;
  const { value: path, span } = folder;
  const read = context.host.readConfig(path);
  if (!read.ok) {
    say(context, "model-unreadable", span, { path, reason: read.reason });
    return;
  }
  context.sources.set(`${path.replace(/\/+$/, "")}/config.json`, read.text);
  const shape = readArchitecture(context.library, read.config, { path: context.file.path, span });
  if (!shape.ok) {
    passOn(context, shape.diagnostics, span);
    return;
  }
  context.scope.define("model", name, { shape: shape.value });
  context.steps.push({ kind: "open", model: name, path });
};
