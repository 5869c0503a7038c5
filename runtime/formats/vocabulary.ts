/** The vocabulary of a tokenizer.json, without making a tokenizer of it: how many ids there are, and a hash to tell them by. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isObject, readJsonObject } from "./json-file.js";
import { tokenParts } from "./token-parts.js";
import { addedTokens, type TokenEntry, tokenEntries } from "./tokenizer-model.js";

/** The largest known vocabularies take some 30 MB. */
const LIMIT = 256 * 2 ** 20;

export interface Vocabulary {
  /** One more than the largest id. */
  readonly size: number;
  /** Equal where every token has the same id. */
  readonly hash: string;
  /** Tokens that stay however many are cut; null where none of them can be. */
  readonly least: number | null;
}

/** All tokens, those beside the model among them; null where the file is of another shape. */
const tokensOf = (value: Readonly<Record<string, unknown>>): readonly TokenEntry[] | null => {
  if (!isObject(value.model)) return null;
  const entries = tokenEntries(value.model.vocab);
  const added = addedTokens(value.added_tokens)?.map(
    ({ content, id }): readonly [unknown, number] => [content, id],
  );
  const isEntry = (entry: readonly [unknown, number]): entry is TokenEntry =>
    typeof entry[0] === "string";
  return entries !== null && added?.every(isEntry) ? [...entries, ...added] : null;
};

const hashOf = (tokens: readonly TokenEntry[]): string => {
  const lines = tokens.map(([text, at]) => `${at} ${text}`).sort();
  return createHash("sha256").update(lines.join("\n")).digest("hex");
};

/** Null where the folder has no tokenizer.json, or one of another shape: what is wrong with it is said when texts are read. */
export const readVocabulary = (folder: string): Vocabulary | null => {
  const path = join(folder, "tokenizer.json");
  if (!existsSync(path)) return null;
  const { value } = readJsonObject(path, LIMIT);
  const tokens = tokensOf(value);
  if (tokens === null) return null;
  // Most specs ask for the size alone.
  return {
    size: tokens.reduce((most, [, at]) => Math.max(most, at + 1), 0),
    get hash() {
      return hashOf(tokens);
    },
    get least() {
      return tokenParts(value)?.always.length ?? null;
    },
  };
};
