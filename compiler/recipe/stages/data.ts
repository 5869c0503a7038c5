/** `data NAME = text("glob") { window 256 }`: documents cut into windows; `mix(A: 3, B: 1)`: windows of other data. */
import type { CallExpr, StageDecl } from "../../../grammar/ast.js";
import { nearest } from "../../../grammar/suggest.js";
import type { DataSource, DocumentSource, MixSource } from "../../plan.js";
import { readClauses } from "../clauses.js";
import { evaluate } from "../constant.js";
import { type Context, say } from "../context.js";
import { readSettings, type Settings, textArgument, textSetting } from "../settings.js";
import { textsNamed } from "../texts.js";
import { choicesOf, OF_CHOICES } from "./choices.js";

const FILES = ["text", "jsonl", "parquet"] as const satisfies readonly DocumentSource["kind"][];
const SOURCES = [...FILES, "choices", "mix"] as const;
const EXAMPLE = 'data NAME = text("data/*.txt")';
const MIX = "data NAME = mix(A: 3, B: 1)";

const OF_DOCUMENTS = ["field", "documents"];

/** Settings that a source does not have: a mixture has its windows from its parts. */
const NOT_OF: Readonly<Record<(typeof SOURCES)[number], readonly string[]>> = {
  text: OF_CHOICES,
  jsonl: OF_CHOICES,
  parquet: OF_CHOICES,
  choices: OF_DOCUMENTS,
  mix: ["window", ...OF_DOCUMENTS, ...OF_CHOICES],
};

/** The source's call, or null after saying that there is none. */
const callOf = (context: Context, stage: StageDecl) => {
  const { value } = stage;
  const callee = value?.kind === "call" && value.callee.kind === "name" ? value.callee.name : null;
  const kind = SOURCES.find((source) => source === callee);
  if (value?.kind === "call" && kind !== undefined) return { kind, call: value };
  const place = value?.kind === "call" ? value.callee.span : (value?.span ?? stage.keywordSpan);
  const near = callee === null ? null : nearest(callee, SOURCES);
  const parameters = { stage: "data", known: SOURCES, near, example: EXAMPLE };
  say(context, "unknown-source", place, parameters);
  return null;
};

const documentsOf = (
  context: Context,
  kind: DocumentSource["kind"],
  call: CallExpr,
  settings: Settings,
): Omit<DocumentSource, "name" | "take"> | null => {
  const glob = textArgument(context, call, EXAMPLE);
  const window = settings.quantity("window");
  const field = textSetting(context, settings, "field", "text");
  const word = settings.has("documents") ? settings.word("documents") : "joined";
  if (glob === null || window === null || field === null || word === null) return null;
  const documents = word === "apart" ? "apart" : "joined";
  return { kind, glob: glob.value, window: window.value, field, documents };
};

/** A part of a mixture: data declared above, and how much of the windows it gives. */
const partOf = (context: Context, { name, value, span }: CallExpr["args"][number]) => {
  if (name === null) {
    say(context, "setting-form", span, { name: "mix", takes: "data with weights", example: MIX });
    return null;
  }
  const data = textsNamed(context, name);
  const weight = evaluate(context, value, context.file);
  if (data === null || weight === null) return null;
  const good =
    typeof weight === "object" &&
    (weight.unit === "number" || weight.unit === "ratio") &&
    weight.value > 0;
  if (good) return { data, weight: weight.value, span };
  const found = context.file.text.slice(value.span.start, value.span.end);
  say(context, "value-range", value.span, {
    what: `the weight of \`${name.name}\``,
    takes: "a number above 0, or a percentage",
    found,
  });
  return null;
};

const mixOf = (context: Context, call: CallExpr): Omit<MixSource, "name" | "take"> | null => {
  const parts = call.args.map((argument) => partOf(context, argument));
  const good = parts.filter((part) => part !== null);
  const [first] = good;
  if (call.args.length === 0)
    say(context, "setting-form", call.span, {
      name: "mix",
      takes: "data with weights",
      example: MIX,
    });
  if (first === undefined || good.length < parts.length) return null;
  const other = good.find(({ data }) => data.window !== first.data.window);
  if (other !== undefined) {
    say(context, "value-range", other.span, {
      what: `the window of \`${other.data.name}\``,
      takes: `that of \`${first.data.name}\`, ${first.data.window}`,
      found: String(other.data.window),
    });
    return null;
  }
  const weights = good.map(({ data, weight }) => ({ data: data.name, weight }));
  return { kind: "mix", window: first.data.window, parts: weights };
};

export const checkData = (context: Context, stage: StageDecl): void => {
  const name = stage.names[0]?.name ?? "";
  context.scope.define("data", name, null);
  readClauses(context, stage);
  const source = callOf(context, stage);
  const without = source === null ? [] : NOT_OF[source.kind];
  const settings = readSettings(context, stage, stage.body ?? [], without);
  const take = settings.quantity("take");
  const read =
    source === null
      ? null
      : source.kind === "mix"
        ? mixOf(context, source.call)
        : source.kind === "choices"
          ? choicesOf(context, source.call, settings)
          : documentsOf(context, source.kind, source.call, settings);
  if (read === null || (settings.has("take") && take === null)) return;
  const made: DataSource = { name, ...read, take: take?.value ?? null };
  context.scope.define("data", name, made);
};
