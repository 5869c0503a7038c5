/** The tokenizer of a Hugging Face folder as metadata of a GGUF file: byte pairs, with a pre-tokenizer that GGUF has a name for. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Pretokenizer } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { TOKEN_TYPE } from "./gguf-tokenizer.js";
import type { TypedValue } from "./gguf-write.js";
import { readSideJson, type SideFile } from "./side-files.js";

type Json = Readonly<Record<string, unknown>>;

const id = z.int().nonnegative();
const definitionSchema = z.object({
  added_tokens: z.array(z.object({ id, content: z.string(), special: z.boolean() })).default([]),
  pre_tokenizer: z.unknown(),
  model: z.object({
    type: z.string(),
    vocab: z.record(z.string(), id),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
  }),
});
type Definition = z.infer<typeof definitionSchema>;

/** What of a pre-tokenizer changes the tokens: not offsets, and not a sequence of one. */
const essence = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(essence);
  if (typeof value !== "object" || value === null) return value;
  const { trim_offsets: _offsets, ...rest } = value as Json;
  const steps = rest.pretokenizers;
  if (Array.isArray(steps) && steps.length === 1) return essence(steps[0]);
  return Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, essence(inner)]));
};

/** The names for `tokenizer.ggml.model` and `tokenizer.ggml.pre`. */
const labelsOf = (
  { pre_tokenizer }: Definition,
  known: readonly Pretokenizer[],
): readonly [string, string] => {
  const found = known.find(
    ({ kind, definition }) =>
      kind === "pairs" && isDeepStrictEqual(essence(definition), essence(pre_tokenizer)),
  );
  const [model, label] = found?.labels[0]?.split(":") ?? [];
  if (model !== undefined && label !== undefined) return [model, label];
  throw new RunError("no pre-tokenizer here is that of this model, so GGUF has no name for it", {
    hint: "add a `pretokenizer` for it, or export as safetensors",
  });
};

const parse = (files: readonly SideFile[]): Definition => {
  const value = readSideJson(files, "tokenizer.json");
  const parsed = definitionSchema.safeParse(value);
  const hint = { hint: "export as safetensors" };
  if (!parsed.success)
    throw new RunError("this model's tokenizer.json is none that GGUF can hold here", hint);
  if (parsed.data.model.type !== "BPE")
    throw new RunError(`GGUF holds no tokenizer of the kind ${parsed.data.model.type} here`, hint);
  return parsed.data;
};

interface Token {
  readonly text: string;
  readonly type: number;
}

/** The token of each row of the vocabulary; rows without one are unused. */
const tokensOf = ({ model, added_tokens }: Definition, size: number): readonly Token[] => {
  const tokens = Array.from(
    { length: size },
    (_, row): Token => ({ text: `[PAD${row}]`, type: TOKEN_TYPE.unused }),
  );
  const put = (at: number, token: Token): void => {
    if (at >= size) throw new RunError(`token ${at} is beyond the model's vocabulary of ${size}`);
    tokens[at] = token;
  };
  for (const [text, at] of Object.entries(model.vocab)) put(at, { text, type: TOKEN_TYPE.normal });
  for (const { id: at, content, special } of added_tokens)
    put(at, { text: content, type: special ? TOKEN_TYPE.control : TOKEN_TYPE.userDefined });
  return tokens;
};

const firstId = (value: unknown): number | null => {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === "number" && Number.isInteger(first) && first >= 0 ? first : null;
};

/** Whether the tokenizer puts the start token before a text by itself. */
const addsStart = (files: readonly SideFile[], start: number | null): boolean => {
  const processor = readSideJson(files, "tokenizer.json")?.post_processor;
  const text = JSON.stringify(processor ?? null);
  const asked = readSideJson(files, "tokenizer_config.json")?.add_bos_token;
  if (typeof asked === "boolean") return asked;
  return start !== null && text.includes("TemplateProcessing") && text.includes(`"ids":[${start}]`);
};

/** Rows of the vocabulary: what the model has, which may be more than there are tokens. */
const sizeOf = ({ model, added_tokens }: Definition, config: Json): number => {
  const size = id.safeParse(config.vocab_size);
  if (size.success) return size.data;
  const ids = [...Object.values(model.vocab), ...added_tokens.map((token) => token.id)];
  return ids.reduce((most, at) => Math.max(most, at + 1), 0);
};

/** The keys `tokenizer.*` of a model with this config.json. */
export const tokenizerMetadata = (
  files: readonly SideFile[],
  config: Json,
  pretokenizers: readonly Pretokenizer[],
): ReadonlyMap<string, TypedValue> => {
  const definition = parse(files);
  const [model, pre] = labelsOf(definition, pretokenizers);
  const tokens = tokensOf(definition, sizeOf(definition, config));
  const generation = readSideJson(files, "generation_config.json") ?? {};
  const idOf = (key: string): number | null => firstId(config[key]) ?? firstId(generation[key]);
  const [start, end] = [idOf("bos_token_id"), idOf("eos_token_id")];
  const template = readSideJson(files, "tokenizer_config.json")?.chat_template;
  const merges = definition.model.merges.map((merge) =>
    typeof merge === "string" ? merge : merge.join(" "),
  );
  const entries: [string, TypedValue][] = [
    ["tokenizer.ggml.model", { type: "text", value: model }],
    ["tokenizer.ggml.pre", { type: "text", value: pre }],
    ["tokenizer.ggml.tokens", { type: "texts", value: tokens.map(({ text }) => text) }],
    ["tokenizer.ggml.token_type", { type: "i32s", value: tokens.map(({ type }) => type) }],
    ["tokenizer.ggml.merges", { type: "texts", value: merges }],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: addsStart(files, start) }],
  ];
  if (start !== null) entries.push(["tokenizer.ggml.bos_token_id", { type: "u32", value: start }]);
  if (end !== null) entries.push(["tokenizer.ggml.eos_token_id", { type: "u32", value: end }]);
  if (typeof template === "string")
    entries.push(["tokenizer.chat_template", { type: "text", value: template }]);
  return new Map(entries);
};
