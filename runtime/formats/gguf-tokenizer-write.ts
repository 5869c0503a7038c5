/**
 * The tokenizer of a Hugging Face folder as metadata of a GGUF file: byte pairs, with a pre-tokenizer that GGUF has a name
 * for, or SentencePiece's pieces, of which pairs join or the likeliest are taken.
 */
import { isDeepStrictEqual } from "node:util";
import type { Pretokenizer } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { TOKEN_TYPE } from "./gguf-tokenizer.js";
import type { TypedValue } from "./gguf-write.js";
import { SPACE, sentencePieceScores } from "./sentence-piece.js";
import { readSideJson, type SideFile } from "./side-files.js";
import {
  type AddedToken,
  addedTokens,
  pairOf,
  type TokenEntry,
  type TokenizerModel,
  tokenizerModel,
} from "./tokenizer-model.js";
import { cleaningOf, SPACES } from "./unigram-cleaning.js";

type Json = Readonly<Record<string, unknown>>;

/** What a tokenizer.json says, as far as GGUF has words for it. */
interface Definition {
  readonly model: TokenizerModel;
  readonly added: readonly AddedToken[];
  readonly normalizer: unknown;
  readonly pre_tokenizer: unknown;
}

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

const kindOf = (definition: Definition): Pretokenizer["kind"] => {
  if (definition.model.type === "Unigram") return "likeliest";
  return isPieces(definition) ? "pieces" : "pairs";
};

/** The names for `tokenizer.ggml.model` and `tokenizer.ggml.pre`. */
const labelsOf = (
  definition: Definition,
  known: readonly Pretokenizer[],
): readonly [string, string] => {
  const wanted = essence(definition.pre_tokenizer);
  const kind = kindOf(definition);
  const found = known.find(
    (one) =>
      one.kind === kind && (kind !== "pairs" || isDeepStrictEqual(essence(one.definition), wanted)),
  );
  const [model, label] = found?.labels[0]?.split(":") ?? [];
  if (model !== undefined && label !== undefined) return [model, label];
  throw new RunError("no pre-tokenizer here is that of this model, so GGUF has no name for it", {
    hint: "add a `pretokenizer` for it, or export as safetensors",
  });
};

const parse = (files: readonly SideFile[]): Definition => {
  const { model, added_tokens, normalizer, pre_tokenizer } =
    readSideJson(files, "tokenizer.json") ?? {};
  const [read, added] = [tokenizerModel(model), addedTokens(added_tokens)];
  if (read === null || added === null)
    throw new RunError("this model's tokenizer.json is none that GGUF can hold here", {
      hint: "export as safetensors",
    });
  return { model: read, added, normalizer, pre_tokenizer };
};

interface Token {
  readonly text: string;
  readonly type: number;
}

const entriesOf = (model: TokenizerModel): readonly TokenEntry[] =>
  model.type === "Unigram" ? model.vocab : Object.entries(model.vocab);

/** The id of what stands for a text that cannot be read; null where there is none. */
const unknownOf = (model: TokenizerModel): number | null =>
  model.type === "Unigram" ? model.unk_id : (model.vocab[model.unk_token ?? ""] ?? null);

/** The token of each row of the vocabulary; rows without one are unused. */
const tokensOf = ({ model, added }: Definition, size: number): readonly Token[] => {
  const tokens = Array.from(
    { length: size },
    (_, row): Token => ({ text: `[PAD${row}]`, type: TOKEN_TYPE.unused }),
  );
  const put = (at: number, token: Token): void => {
    if (at >= size) throw new RunError(`token ${at} is beyond the model's vocabulary of ${size}`);
    tokens[at] = token;
  };
  const isByte = (text: string): boolean => model.byte_fallback && /^<0x[0-9A-F]{2}>$/.test(text);
  const unknown = unknownOf(model);
  for (const [text, at] of entriesOf(model))
    put(at, { text, type: isByte(text) ? TOKEN_TYPE.byte : TOKEN_TYPE.normal });
  for (const { id, content, special } of added)
    put(id, {
      text: content,
      type: special === true ? TOKEN_TYPE.control : TOKEN_TYPE.userDefined,
    });
  const own = unknown === null ? undefined : tokens[unknown];
  if (unknown !== null && own !== undefined)
    tokens[unknown] = { text: own.text, type: TOKEN_TYPE.unknown };
  return tokens;
};

type Entries = [string, TypedValue][];

/** How the likeliest pieces are found, and what is done to a text before. */
const likeliest = (definition: Definition, tokens: readonly Token[]): Entries => {
  const { model } = definition;
  const cleaning = cleaningOf(definition.normalizer, definition.pre_tokenizer);
  const unknown = unknownOf(model);
  const refuse = (what: string): never => {
    throw new RunError(`GGUF has no word for how this model's tokenizer finds pieces: ${what}`, {
      hint: "export as safetensors",
    });
  };
  if (model.type !== "Unigram") return refuse("it is of pairs");
  if (model.byte_fallback) return refuse("its pieces fall back to bytes");
  if (unknown === null) return refuse("it has no token for what it does not know");
  if (cleaning === null) return refuse(`it does more to a text than ${SPACES}`);
  const scores = tokens.map((_, at) => model.scores[at] ?? 0);
  const map: Entries =
    cleaning.map === null
      ? []
      : [["tokenizer.ggml.precompiled_charsmap", { type: "bytes", value: cleaning.map }]];
  return [
    ["tokenizer.ggml.scores", { type: "f32s", value: scores }],
    ["tokenizer.ggml.unknown_token_id", { type: "u32", value: unknown }],
    ["tokenizer.ggml.add_space_prefix", { type: "bool", value: addsSpace(definition) }],
    ["tokenizer.ggml.remove_extra_whitespaces", { type: "bool", value: cleaning.merges }],
    // By default there would be one.
    ["tokenizer.ggml.add_eos_token", { type: "bool", value: false }],
    ...map,
  ];
};

/** How tokens join: by listed merges, by the scores of pieces, or as these are likeliest. */
const joining = (definition: Definition, tokens: readonly Token[]): Entries => {
  const { model } = definition;
  if (model.type === "Unigram") return likeliest(definition, tokens);
  const pairs = model.merges.map(pairOf);
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
const sizeOf = ({ model, added }: Definition, { vocab_size: size }: Json): number => {
  if (typeof size === "number" && Number.isSafeInteger(size) && size >= 0) return size;
  const ids = [...entriesOf(model).map(([, at]) => at), ...added.map(({ id }) => id)];
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
  const entries: Entries = [
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
