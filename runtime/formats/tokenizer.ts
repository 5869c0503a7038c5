/** The tokenizer of a model: text to token ids and back by tokenizer.json, and the tokens that begin and end texts. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { RunError } from "../errors.js";
import { readConfig } from "./config.js";
import { readJsonObject } from "./json-file.js";

/** The largest known vocabularies take some 30 MB. */
const LIMIT = 256 * 2 ** 20;

/** What documents are read with. */
export interface Encoder {
  /** Begins every document: the model's bos, else its end-of-text token. */
  readonly start: number;
  /** Ids without special tokens around them; RunError where the model has no row for one. */
  readonly encode: (text: string) => Uint32Array;
}

export interface Tokenizer extends Encoder {
  /** Ids with the special tokens that the tokenizer itself puts around a text; where that is nothing at all, `start`. */
  readonly prompt: (text: string) => Uint32Array;
  /** Text of ids, without special tokens; a character that is not whole yet is U+FFFD. */
  readonly decode: (ids: readonly number[]) => string;
  /** Tokens that end a text; may be empty. */
  readonly ends: ReadonlySet<number>;
}

const id = z.int().nonnegative();
/** Some models have several ids that end a text; the first is the usual one. */
const idSchema = z.union([id, z.array(id).min(1)]);
const tokenSchema = z.union([z.string(), z.object({ content: z.string() })]);

type Json = Readonly<Record<string, unknown>>;

const load = (path: string, definition: Json, settings: Json): HuggingFaceTokenizer => {
  try {
    return new HuggingFaceTokenizer(definition, settings);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new RunError(`${path} is not a tokenizer that can be used: ${reason}`, { cause });
  }
};

const configuredIds = (config: Json, key: string): readonly number[] => {
  const parsed = idSchema.safeParse(config[key]);
  if (!parsed.success) return [];
  return typeof parsed.data === "number" ? [parsed.data] : parsed.data;
};

const namedId = (
  tokenizer: HuggingFaceTokenizer,
  settings: Json,
  key: string,
): number | undefined => {
  const parsed = tokenSchema.safeParse(settings[key]);
  if (!parsed.success) return undefined;
  return tokenizer.token_to_id(typeof parsed.data === "string" ? parsed.data : parsed.data.content);
};

const vocabularyOf = (config: Json): number => {
  const size = id.safeParse(config.vocab_size);
  return size.success ? size.data : Number.POSITIVE_INFINITY;
};

/** What a tokenizer is made of, as the files of a Hugging Face folder hold it. */
export interface TokenizerParts {
  /** tokenizer.json. */
  readonly definition: Json;
  /** tokenizer_config.json, or nothing. */
  readonly settings: Json;
  readonly config: Json;
  /** generation_config.json, or nothing. */
  readonly generation: Json;
  /** How errors name the model and the tokenizer. */
  readonly model: string;
  readonly shown: string;
}

const startOf = (tokenizer: HuggingFaceTokenizer, parts: TokenizerParts): number => {
  const { config, settings, model } = parts;
  const start =
    configuredIds(config, "bos_token_id")[0] ??
    configuredIds(config, "eos_token_id")[0] ??
    namedId(tokenizer, settings, "bos_token") ??
    namedId(tokenizer, settings, "eos_token");
  if (start !== undefined) return start;
  throw new RunError(`${model} names no token that begins or ends a text`, {
    hint: "set bos_token_id or eos_token_id in config.json",
  });
};

const endsOf = (tokenizer: HuggingFaceTokenizer, parts: TokenizerParts): ReadonlySet<number> => {
  const named = namedId(tokenizer, parts.settings, "eos_token");
  return new Set([
    ...configuredIds(parts.generation, "eos_token_id"),
    ...configuredIds(parts.config, "eos_token_id"),
    ...(named === undefined ? [] : [named]),
  ]);
};

/** Makes the tokenizer; RunError where the parts do not fit together. */
export const tokenizerOf = (parts: TokenizerParts): Tokenizer => {
  const { definition, settings, config, shown } = parts;
  const tokenizer = load(shown, definition, settings);
  const vocabulary = vocabularyOf(config);
  const checked = (token: number): number => {
    if (token < vocabulary) return token;
    throw new RunError(`${shown} gives token ${token}, the model's vocabulary has ${vocabulary}`);
  };
  const start = checked(startOf(tokenizer, parts));
  const encode = (text: string, special: boolean): Uint32Array =>
    Uint32Array.from(tokenizer.encode(text, { add_special_tokens: special }).ids, checked);
  return {
    start,
    encode: (text) => encode(text, false),
    prompt: (text) => {
      const ids = encode(text, true);
      return ids.length === 0 ? Uint32Array.of(start) : ids;
    },
    decode: (ids) => tokenizer.decode([...ids], { skip_special_tokens: true }),
    ends: endsOf(tokenizer, parts),
  };
};

const readIfThere = (path: string): Json =>
  existsSync(path) ? readJsonObject(path, LIMIT).value : {};

/** Opens FOLDER/tokenizer.json, with config.json and, where they are there, the configs of tokenizer and generation. */
export const openTokenizer = async (folder: string): Promise<Tokenizer> => {
  const shown = join(folder, "tokenizer.json");
  if (!existsSync(shown))
    throw new RunError(`${shown} is missing`, {
      hint: "texts are read by the model's tokenizer: put it beside the weights, from where they are from",
    });
  return tokenizerOf({
    definition: readJsonObject(shown, LIMIT).value,
    settings: readIfThere(join(folder, "tokenizer_config.json")),
    config: readConfig(folder).config,
    generation: readIfThere(join(folder, "generation_config.json")),
    model: folder,
    shown,
  });
};
