/**
 * Which tokens of a tokenizer.json must stay where others go, and which others a token is put together from: merges make a
 * token of two, so it can be read only where both of them are.
 */
import { RunError } from "../errors.js";
import {
  addedTokens,
  type Merge,
  pairOf,
  type TokenEntry,
  type TokenizerModel,
  tokenizerModel,
} from "./tokenizer-model.js";

type Json = Readonly<Record<string, unknown>>;

type Pairs = Extract<TokenizerModel, { type: "BPE" }>;

export interface TokenParts {
  /** Ids that have a token. */
  readonly known: ReadonlySet<number>;
  /** Ids of what any text is made of, and of special and added tokens, with what these are put together from; ascending. */
  readonly always: readonly number[];
  /** The two tokens that a token is put together from, by id. */
  readonly parts: ReadonlyMap<number, readonly [number, number]>;
}

/** The two texts of a merge, and the text that they make; null where one is empty. */
export const mergeOf = (
  merge: Merge,
  prefix: string,
): { readonly left: string; readonly right: string; readonly whole: string } | null => {
  const [left, right] = pairOf(merge);
  if (left === "" || right === "") return null;
  const rest = right.startsWith(prefix) ? right.slice(prefix.length) : right;
  return { left, right, whole: left + rest };
};

const partsOf = (model: Pairs): Map<number, readonly [number, number]> => {
  const { vocab, merges } = model;
  const parts = new Map<number, readonly [number, number]>();
  for (const merge of merges) {
    const found = mergeOf(merge, model.continuing_subword_prefix);
    if (found === null) continue;
    const [left, right, whole] = [vocab[found.left], vocab[found.right], vocab[found.whole]];
    if (left === undefined || right === undefined || whole === undefined) continue;
    // The first merge that makes a token is the one that texts are read with first.
    if (!parts.has(whole)) parts.set(whole, [left, right]);
  }
  return parts;
};

const BYTE = /^<0x[0-9A-Fa-f]{2}>$/;

/** What stands around the text of a token that does not begin, or that ends, a word. */
const affixesOf = (model: TokenizerModel): readonly [string, string] =>
  model.type === "Unigram" ? ["", ""] : [model.continuing_subword_prefix, model.end_of_word_suffix];

/** Whether a token is one character, or a byte that stands for a part of one. */
const isLetter = (text: string, [prefix, suffix]: readonly [string, string]): boolean => {
  if (BYTE.test(text)) return true;
  const begin = text.startsWith(prefix) ? prefix.length : 0;
  const own = text.slice(begin, text.endsWith(suffix) ? text.length - suffix.length : undefined);
  return [...own].length <= 1;
};

const entriesOf = (model: TokenizerModel): readonly TokenEntry[] =>
  model.type === "Unigram" ? model.vocab : Object.entries(model.vocab);

/** The id of what stands for a text that cannot be read; undefined where there is none. */
const unknownOf = (model: TokenizerModel): number | undefined =>
  model.type === "Unigram" ? (model.unk_id ?? undefined) : model.vocab[model.unk_token ?? ""];

/** The tokens, and all those that they are put together from. */
export const withParts = (
  tokens: Iterable<number>,
  parts: TokenParts["parts"],
  besides: ReadonlySet<number> = new Set(),
): Set<number> => {
  const found = new Set<number>();
  const open = [...tokens];
  for (let token = open.pop(); token !== undefined; token = open.pop()) {
    if (found.has(token) || besides.has(token)) continue;
    found.add(token);
    open.push(...(parts.get(token) ?? []));
  }
  return found;
};

/** Null where tokens of such a tokenizer cannot be cut. `named` are ids that other files name. */
export const tokenParts = (definition: Json, named: readonly number[] = []): TokenParts | null => {
  const model = tokenizerModel(definition.model);
  const added = addedTokens(definition.added_tokens);
  if (model === null || added === null) return null;
  const entries = entriesOf(model);
  const parts = model.type === "Unigram" ? new Map() : partsOf(model);
  const affixes = affixesOf(model);
  const letters = entries.filter(([text]) => isLetter(text, affixes)).map(([, at]) => at);
  const addedIds = added.map((token) => token.id);
  const known = new Set([...entries.map(([, at]) => at), ...addedIds]);
  const unknown = unknownOf(model);
  const first = [...addedIds, ...letters, ...named, ...(unknown === undefined ? [] : [unknown])];
  const always = withParts(
    first.filter((at) => known.has(at)),
    parts,
  );
  return { known, always: [...always].sort((a, b) => a - b), parts };
};

/**
 * The ids of `keep` tokens, ascending: those that always stay, then the best by score (of equals the lower id) that go in
 * with all that they are put together from; rows without a token come last. RunError where more must stay.
 */
export const bestTokens = (
  scores: ArrayLike<number>,
  keep: number,
  { known, always, parts }: TokenParts,
): number[] => {
  if (always.length > keep)
    throw new RunError(`${always.length} tokens must stay, where ${keep} are to be kept`);
  const kept = new Set(always);
  const ranked = Array.from(scores, (score, at) => ({ score, at })).sort(
    (a, b) => Number(known.has(b.at)) - Number(known.has(a.at)) || b.score - a.score || a.at - b.at,
  );
  for (let before = -1; before < kept.size && kept.size < keep; ) {
    before = kept.size;
    for (const { at } of ranked) {
      const more = withParts([at], parts, kept);
      if (kept.size + more.size <= keep) for (const token of more) kept.add(token);
    }
  }
  return [...kept].sort((a, b) => a - b);
};
