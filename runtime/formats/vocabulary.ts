/** The vocabulary of a tokenizer.json, without making a tokenizer of it: how many ids there are, and a hash to tell them by. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isObject, readJsonObject } from "./json-file.js";
import { tokenParts } from "./token-parts.js";
import { addedTokens, type TokenEntry, tokenCount, tokenEntries } from "./tokenizer-model.js";

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

const hashOf = (tokens: readonly TokenEntry[]): string => {
  const lines = tokens.map(([text, at]) => `${at} ${text}`).sort();
  return createHash("sha256").update(lines.join("\n")).digest("hex");
};

/** Null where the folder has no tokenizer.json, or one of another shape: what is wrong with it is said when texts are read. */
export const readVocabulary = (folder: string): Vocabulary | null => {
  const path = join(folder, "tokenizer.json");
  if (!existsSync(path)) return null;
  const { value } = readJsonObject(path, LIMIT);
  const vocab = isObject(value.model) ? value.model.vocab : null;
  const count = tokenCount(vocab);
  const added = addedTokens(value.added_tokens);
  if (count === null || added === null) return null;
  const size = added.reduce((most, { id }) => Math.max(most, id + 1), count);
  // Most specs ask for the size alone.
  return {
    size,
    get hash() {
      const beside = added.map(({ content, id }): TokenEntry => [content, id]);
      return hashOf([...(tokenEntries(vocab) ?? []), ...beside]);
    },
    get least() {
      return tokenParts(value)?.always.length ?? null;
    },
  };
};
