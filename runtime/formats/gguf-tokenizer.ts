/**
 * The tokenizer of a GGUF file as the files of a Hugging Face folder. Format: ggml, docs/gguf.md, "Tokenizer"; byte pairs
 * with merges, and the pieces with scores of SentencePiece: of which merges follow from the scores, or the likeliest are taken.
 */
import type { Pretokenizer } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import type { GgufMetadata, GgufValue } from "./gguf-header.js";
import { SPACE, sentencePieceMerges } from "./sentence-piece.js";
import type { SideFile } from "./side-files.js";

type Json = Readonly<Record<string, unknown>>;

/** What tokens are, as `tokenizer.ggml.token_type` numbers it. */
export const TOKEN_TYPE = {
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

/** A file's metadata, with the errors that name it. */
const reading = (metadata: GgufMetadata, path: string) => {
  const list = <T extends GgufValue>(
    key: string,
    is: (value: GgufValue) => value is T,
    what: string,
  ): readonly T[] | null => {
    const value = metadata.get(key);
    if (value === undefined) return null;
    if (Array.isArray(value) && value.every(is)) return value;
    throw new RunError(`${path}: ${key} is not a list of ${what}`);
  };
  return {
    text: (key: string): string | null => {
      const value = metadata.get(key);
      return typeof value === "string" ? value : null;
    },
    number: (key: string): number | null => {
      const value = metadata.get(key);
      return typeof value === "number" ? value : null;
    },
    yes: (key: string, otherwise: boolean): boolean => {
      const value = metadata.get(key);
      return typeof value === "boolean" ? value : otherwise;
    },
    texts: (key: string) =>
      list(key, (value): value is string => typeof value === "string", "texts"),
    numbers: (key: string) =>
      list(key, (value): value is number => typeof value === "number", "numbers"),
  };
};

type Reading = ReturnType<typeof reading>;

const tokensOf = (read: Reading, path: string): readonly string[] => {
  const tokens = read.texts("tokenizer.ggml.tokens");
  if (tokens === null || tokens.length === 0)
    throw new RunError(`${path} has no tokens`, { hint: "choose a file with its tokenizer" });
  return tokens;
};

const addedTokens = (tokens: readonly string[], types: readonly number[]): readonly Json[] =>
  tokens.flatMap((content, id) => {
    const special = types[id] === TOKEN_TYPE.control || types[id] === TOKEN_TYPE.unknown;
    if (!special && types[id] !== TOKEN_TYPE.userDefined) return [];
    const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    return [{ id, content, ...plain, special }];
  });

const vocabularyOf = (tokens: readonly string[], path: string): Json => {
  const vocabulary = new Map(tokens.map((token, id) => [token, id]));
  if (vocabulary.size < tokens.length) throw new RunError(`${path} has a token twice`);
  return Object.fromEntries(vocabulary);
};

const bytePairs = (
  read: Reading,
  tokens: readonly string[],
  { definition, normalizer, tokensFirst }: Pretokenizer,
  path: string,
): Json => {
  const merges = read.texts("tokenizer.ggml.merges") ?? [];
  return {
    normalizer,
    pre_tokenizer: definition,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: tokensFirst,
      vocab: vocabularyOf(tokens, path),
      merges,
    },
  };
};

const scoresOf = (read: Reading, tokens: readonly string[], path: string): readonly number[] => {
  const scores = read.numbers("tokenizer.ggml.scores");
  if (scores === null || scores.length !== tokens.length)
    throw new RunError(`${path}: its tokens do not have a score each`);
  return scores;
};

/** Marks in the place of spaces, one of them before a text where the file asks for that; `before` are normalizers. */
const withMarks = (read: Reading, before: readonly Json[]): Json => {
  const prefix = read.yes("tokenizer.ggml.add_space_prefix", true);
  const replace = { type: "Replace", pattern: { String: " " }, content: SPACE };
  const prepend = prefix ? [{ type: "Prepend", prepend: SPACE }] : [];
  return {
    normalizer: { type: "Sequence", normalizers: [...before, ...prepend, replace] },
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: SPACE }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: prefix ? 1 : 0, stop: 0 },
      ],
    },
  };
};

/** What is done to a text before its spaces are marked: characters that stand for others, spaces that are too many. */
const cleaning = (read: Reading): readonly Json[] => {
  const map = read.numbers("tokenizer.ggml.precompiled_charsmap");
  const precompiled_charsmap = Buffer.from(map ?? []).toString("base64");
  return [
    ...(map === null ? [] : [{ type: "Precompiled", precompiled_charsmap }]),
    ...(read.yes("tokenizer.ggml.remove_extra_whitespaces", false)
      ? [
          { type: "Strip", strip_left: true, strip_right: true },
          { type: "Replace", pattern: { Regex: " {2,}" }, content: " " },
        ]
      : []),
  ];
};

const likeliestPieces = (
  read: Reading,
  tokens: readonly string[],
  types: readonly number[],
  path: string,
): Json => {
  const scores = scoresOf(read, tokens, path);
  const unknown = types.indexOf(TOKEN_TYPE.unknown);
  return {
    ...withMarks(read, cleaning(read)),
    model: {
      type: "Unigram",
      unk_id: read.number("tokenizer.ggml.unknown_token_id") ?? (unknown < 0 ? null : unknown),
      vocab: tokens.map((token, id) => [token, scores[id]]),
      byte_fallback: false,
    },
  };
};

const sentencePiece = (
  read: Reading,
  tokens: readonly string[],
  types: readonly number[],
  path: string,
): Json => {
  const scores = scoresOf(read, tokens, path);
  const unknown = tokens[types.indexOf(TOKEN_TYPE.unknown)] ?? null;
  return {
    ...withMarks(read, []),
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknown,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: vocabularyOf(tokens, path),
      merges: sentencePieceMerges(tokens, scores),
    },
  };
};

const modelOf = (
  read: Reading,
  tokens: readonly string[],
  types: readonly number[],
  pretokenizer: Pretokenizer,
  path: string,
): Json => {
  switch (pretokenizer.kind) {
    case "pairs":
      return bytePairs(read, tokens, pretokenizer, path);
    case "pieces":
      return sentencePiece(read, tokens, types, path);
    case "likeliest":
      return likeliestPieces(read, tokens, types, path);
    default:
      return pretokenizer.kind satisfies never;
  }
};

const pretokenizerFor = (
  read: Reading,
  pretokenizers: readonly Pretokenizer[],
  path: string,
): Pretokenizer => {
  const model = read.text("tokenizer.ggml.model") ?? "none";
  const label = `${model}:${read.text("tokenizer.ggml.pre") ?? "default"}`;
  const pretokenizer = pretokenizers.find(({ labels }) => labels.includes(label));
  if (pretokenizer !== undefined) return pretokenizer;
  const known = pretokenizers.flatMap(({ labels }) => labels).join(", ");
  throw new RunError(`${path}: no pre-tokenizer here is for "${label}"`, {
    hint: `add a \`pretokenizer\` for it; there are ${known}`,
  });
};

/** Puts the start token before a text, where the file asks for that. */
const postProcessor = (
  read: Reading,
  kind: Pretokenizer["kind"],
  start: string | undefined,
  id: number | null,
): Json | null => {
  // SentencePiece's models begin with it unless they say otherwise.
  const begins = read.yes("tokenizer.ggml.add_bos_token", kind === "pieces");
  if (!begins || start === undefined || id === null) return null;
  const special = { SpecialToken: { id: start, type_id: 0 } };
  const first = { Sequence: { id: "A", type_id: 0 } };
  const second = { Sequence: { id: "B", type_id: 1 } };
  return {
    type: "TemplateProcessing",
    single: [special, first],
    pair: [special, first, { SpecialToken: { id: start, type_id: 1 } }, second],
    special_tokens: { [start]: { id: start, ids: [id], tokens: [start] } },
  };
};

const file = (name: string, content: Json): SideFile => ({
  name,
  text: `${JSON.stringify(content, null, 2)}\n`,
});

/** tokenizer.json, tokenizer_config.json and generation_config.json of a GGUF file's metadata. */
export const tokenizerFiles = (
  metadata: GgufMetadata,
  pretokenizers: readonly Pretokenizer[],
  path: string,
): readonly SideFile[] => {
  const read = reading(metadata, path);
  const tokens = tokensOf(read, path);
  const types = read.numbers("tokenizer.ggml.token_type") ?? [];
  const pretokenizer = pretokenizerFor(read, pretokenizers, path);
  const [start, end] = [
    read.number("tokenizer.ggml.bos_token_id"),
    read.number("tokenizer.ggml.eos_token_id"),
  ];
  const named = (key: string, id: number | null): Json => {
    const token = id === null ? undefined : tokens[id];
    return token === undefined ? {} : { [key]: token };
  };
  const template = read.text("tokenizer.chat_template");
  const startToken = start === null ? undefined : tokens[start];
  const definition = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(tokens, types),
    post_processor: postProcessor(read, pretokenizer.kind, startToken, start),
    ...modelOf(read, tokens, types, pretokenizer, path),
  };
  const settings = {
    tokenizer_class: "PreTrainedTokenizerFast",
    clean_up_tokenization_spaces: false,
    ...named("bos_token", start),
    ...named("eos_token", end),
    ...named("pad_token", read.number("tokenizer.ggml.padding_token_id")),
    ...(template === null ? {} : { chat_template: template }),
  };
  const generation = {
    ...(start === null ? {} : { bos_token_id: start }),
    ...(end === null ? {} : { eos_token_id: end }),
  };
  return [
    file("tokenizer.json", definition),
    file("tokenizer_config.json", settings),
    file("generation_config.json", generation),
  ];
};
