/** The vocabulary of a tokenizer.json, without making a tokenizer of it: how many ids there are, and a hash to tell them by. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readJsonObject } from "./json-file.js";
import { tokenParts } from "./token-parts.js";

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

const id = z.int().nonnegative();

/** Models keep tokens by text, or in order of id with a score. */
const schema = z.object({
  model: z.object({
    vocab: z.union([z.record(z.string(), id), z.array(z.tuple([z.string()]).rest(z.unknown()))]),
  }),
  added_tokens: z.array(z.object({ id, content: z.string() })).optional(),
});

/** Null where the folder has no tokenizer.json, or one of another shape: what is wrong with it is said when texts are read. */
export const readVocabulary = (folder: string): Vocabulary | null => {
  const path = join(folder, "tokenizer.json");
  if (!existsSync(path)) return null;
  const { value } = readJsonObject(path, LIMIT);
  const parsed = schema.safeParse(value);
  if (!parsed.success) return null;
  const { model, added_tokens: added = [] } = parsed.data;
  const entries = Array.isArray(model.vocab)
    ? model.vocab.map(([text], at) => [text, at] as const)
    : Object.entries(model.vocab);
  const tokens = [...entries, ...added.map((token) => [token.content, token.id] as const)];
  const lines = tokens.map(([text, at]) => `${at} ${text}`).sort();
  const hash = createHash("sha256").update(lines.join("\n")).digest("hex");
  const size = tokens.reduce((most, [, at]) => Math.max(most, at + 1), 0);
  return { size, hash, least: tokenParts(value)?.always.length ?? null };
};
