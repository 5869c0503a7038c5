/** `data NAME = text("glob") { window 256 }`: documents cut into windows of predicted tokens. */
import type { StageDecl } from "../../../grammar/ast.js";
import { nearest } from "../../../grammar/suggest.js";
import type { DataSource } from "../../plan.js";
import { readClauses } from "../clauses.js";
import { type Context, say } from "../context.js";
import { readSettings, textArgument } from "../settings.js";

const SOURCES = ["text", "jsonl"] as const;
const EXAMPLE = 'data NAME = text("data/*.txt")';

const sourceOf = (context: Context, stage: StageDecl): Pick<DataSource, "kind" | "glob"> | null => {
  const { value } = stage;
  const callee = value?.kind === "call" && value.callee.kind === "name" ? value.callee.name : null;
  const kind = SOURCES.find((source) => source === callee);
  if (value?.kind === "call" && kind !== undefined) {
    const glob = textArgument(context, value, EXAMPLE);
    return glob === null ? null : { kind, glob: glob.value };
  }
  const place = value?.kind === "call" ? value.callee.span : (value?.span ?? stage.keywordSpan);
  const near = callee === null ? null : nearest(callee, SOURCES);
  const parameters = { stage: "data", known: SOURCES, near, example: EXAMPLE };
  say(context, "unknown-source", place, parameters);
  return null;
};

export const checkData = (context: Context, stage: StageDecl): void => {
  const name = stage.names[0]?.name ?? "";
  context.scope.define("data", name, null);
  readClauses(context, stage);
  const source = sourceOf(context, stage);
  const settings = readSettings(context, stage, stage.body ?? []);
  const window = settings.quantity("window");
  const take = settings.quantity("take");
  if (source === null || window === null || (settings.has("take") && take === null)) return;
  context.scope.define("data", name, {
    name,
    ...source,
    window: window.value,
    take: take?.value ?? null,
  });
};
