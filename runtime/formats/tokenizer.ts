/** The tokenizer of a model folder: text to token ids by tokenizer.json, and the token that begins every document. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { RunError } from "../errors.js";
import { readConfig } from "./config.js";
import { readJsonObject } from "./json-file.js";

/** The largest known vocabularies take some 30 MB. */
const LIMIT = 256 * 2 ** 20;

export interface Tokenizer {
  /** Begins every document: the model's bos, else its end-of-text token. */
  readonly start: number;
  /** Ids without special tokens around them; RunError where the model has no row for one. */
  readonly encode: (text: string) => Uint32Array;
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

const configuredId = (config: Json, key: string): number | undefined => {
  const parsed = idSchema.safeParse(config[key]);
  if (!parsed.success) return undefined;
  return typeof parsed.data === "number" ? parsed.data : parsed.data[0];
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

/** Opens FOLDER/tokenizer.json, with config.json and, where there is one, tokenizer_config.json beside it. */
export const openTokenizer = async (folder: string): Promise<Tokenizer> => {
  const path = join(folder, "tokenizer.json");
  const settingsPath = join(folder, "tokenizer_config.json");
  const definition = readJsonObject(path, LIMIT).value;
  const settings = existsSync(settingsPath) ? readJsonObject(settingsPath, LIMIT).value : {};
  const { config } = readConfig(folder);
  const tokenizer = load(path, definition, settings);
  const vocabulary = vocabularyOf(config);
  const start =
    configuredId(config, "bos_token_id") ??
    configuredId(config, "eos_token_id") ??
    namedId(tokenizer, settings, "bos_token") ??
    namedId(tokenizer, settings, "eos_token");
  if (start === undefined)
    throw new RunError(`${folder} names no token that begins or ends a text`, {
      hint: "set bos_token_id or eos_token_id in config.json",
    });
  const checked = (token: number): number => {
    if (token < vocabulary) return token;
    throw new RunError(`${path} gives token ${token}, the model's vocabulary has ${vocabulary}`);
  };
  checked(start);
  return {
    start,
    encode: (text) =>
      Uint32Array.from(tokenizer.encode(text, { add_special_tokens: false }).ids, checked),
  };
};
