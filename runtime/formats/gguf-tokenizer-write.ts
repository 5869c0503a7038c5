/** The tokenizer of a Hugging Face folder as metadata of a GGUF file: byte pairs, with a pre-tokenizer that GGUF has a name for, or SentencePiece's. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Pretokenizer } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { TOKEN_TYPE } from "./gguf-tokenizer.js";
import type { TypedValue } from "./gguf-write.js";
import { SPACE, sentencePieceScores } from "./sentence-piece.js";
import { readSideJson, type SideFile } from "./side-files.js";
import { pairOf } from "./tokenizer-model.js";

type Json = Readonly<Record<string, unknown>>;

const id = z.int().nonnegative();
const definitionSchema = z.object({
  added_tokens: z.array(z.object({ id, content: z.string(), special: z.boolean() })).default([]),
  normalizer: z.unknown(),
  pre_tokenizer: z.unknown(),
  model: z.object({
    type: z.string(),
    byte_fallback: z.boolean().default(false),
    unk_token: z.string().nullish(),
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

/** Whether its pairs are SentencePiece's: of characters, where what is unknown falls back to bytes, and spaces are marks. */
const isPieces = ({ model, normalizer, pre_tokenizer }: Definition): boolean =>
  model.byte_fallback && JSON.stringify([normalizer, pre_tokenizer]).includes(SPACE);

/** Whether a mark is put before a text. */
const addsSpace = ({ normalizer, pre_tokenizer }: Definition): boolean => {
  const text = JSON.stringify([normalizer, pre_tokenizer]);
  return text.includes('"Prepend"') || /"prepend_scheme":"(first|always)"/.test(text);
};

/** The names for `tokenizer.ggml.model` and `tokenizer.ggml.pre`. */
const labelsOf = (
  definition: Definition,
  known: readonly Pretokenizer[],
): readonly [string, string] => {
  const wanted = essence(definition.pre_tokenizer);
  const pieces = isPieces(definition);
  const found = known.find((one) =>
    pieces
      ? one.kind === "pieces"
      : one.kind === "pairs" && isDeepStrictEqual(essence(one.definition), wanted),
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
  const isByte = (text: string): boolean => model.byte_fallback && /^<0x[0-9A-F]{2}>$/.test(text);
  for (const [text, at] of Object.entries(model.vocab))
    put(at, { text, type: isByte(text) ? TOKEN_TYPE.byte : TOKEN_TYPE.normal });
  const typeOf = (text: string, special: boolean): number => {
    if (text === model.unk_token) return TOKEN_TYPE.unknown;
    return special ? TOKEN_TYPE.control : TOKEN_TYPE.userDefined;
  };
  for (const { id: at, content, special } of added_tokens)
    put(at, { text: content, type: typeOf(content, special) });
  return tokens;
};

/** How tokens join: by listed merges, or by the scores of pieces. */
const joining = (definition: Definition, tokens: readonly Token[]): [string, TypedValue][] => {
  const pairs = definition.model.merges.map(pairOf);
  if (!isPieces(definition))
    return [
      ["tokenizer.ggml.merges", { type: "texts", value: pairs.map((pair) => pair.join(" ")) }],
    ];
  const pieces = tokens.map(({ text }) => text);
  return [
    ["tokenizer.ggml.scores", { type: "f32s", value: sentencePieceScores(pieces, pairs) }],
    ["tokenizer.ggml.add_space_prefix", { type: "bool", value: addsSpace(definition) }],
  ];
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
  const entries: [string, TypedValue][] = [
    ["tokenizer.ggml.model", { type: "text", value: model }],
    ["tokenizer.ggml.pre", { type: "text", value: pre }],
    ["tokenizer.ggml.tokens", { type: "texts", value: tokens.map(({ text }) => text) }],
    ["tokenizer.ggml.token_type", { type: "i32s", value: tokens.map(({ type }) => type) }],
    ...joining(definition, tokens),
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: addsStart(files, start) }],
  ];
  if (start !== null) entries.push(["tokenizer.ggml.bos_token_id", { type: "u32", value: start }]);
  if (end !== null) entries.push(["tokenizer.ggml.eos_token_id", { type: "u32", value: end }]);
  if (typeof template === "string")
    entries.push(["tokenizer.chat_template", { type: "text", value: template }]);
  return new Map(entries);
};
