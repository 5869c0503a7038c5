/**
 * What a tokenizer.json says of its tokens, checked as it comes from outside. By hand, as `check` reads it whenever a
 * spec opens a model, and large ones have hundreds of thousands of tokens and merges.
 */
import { isObject } from "./json-file.js";

type Json = Readonly<Record<string, unknown>>;

/** A token's text and its id. */
export type TokenEntry = readonly [text: string, id: number];

const isTokenId = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

/** The ids of tokens that are kept by text; null where they are kept otherwise. */
const idsByText = (vocab: unknown): readonly number[] | null => {
  const ids = isObject(vocab) ? Object.values(vocab) : null;
  return ids?.every(isTokenId) ? ids : null;
};

const isIdByText = (vocab: unknown): vocab is Readonly<Record<string, number>> =>
  idsByText(vocab) !== null;

const isText = (value: unknown): value is string => typeof value === "string";

const isTextOrNone = (value: unknown): value is string | null | undefined =>
  value === undefined || value === null || isText(value);

/** Models keep tokens by text, or in order of id with a score; null where it is neither. */
export const tokenEntries = (vocab: unknown): readonly TokenEntry[] | null => {
  if (isIdByText(vocab)) return Object.entries(vocab);
  const texts = Array.isArray(vocab) ? textsInOrder(vocab) : null;
  return texts?.map((text, id) => [text, id]) ?? null;
};

const textsInOrder = (vocab: readonly unknown[]): readonly string[] | null => {
  const texts = vocab.map((entry) => (Array.isArray(entry) ? entry[0] : null));
  return texts.every(isText) ? texts : null;
};

/** One more than the largest id of `tokenEntries`. */
export const tokenCount = (vocab: unknown): number | null =>
  Array.isArray(vocab)
    ? (textsInOrder(vocab)?.length ?? null)
    : (idsByText(vocab)?.reduce((count, id) => Math.max(count, id + 1), 0) ?? null);

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Whether it is no part of a text. */
  readonly special?: boolean | undefined;
}

const isYesOrNone = (value: unknown): value is boolean | undefined =>
  value === undefined || typeof value === "boolean";

const isAdded = (token: unknown): token is AddedToken =>
  isObject(token) && isTokenId(token.id) && isText(token.content) && isYesOrNone(token.special);

/** Tokens that stand beside the model; null where one is of another shape. */
export const addedTokens = (added: unknown): readonly AddedToken[] | null => {
  if (added === undefined || added === null) return [];
  return Array.isArray(added) && added.every(isAdded) ? added : null;
};

export type Merge = string | readonly [string, string];

const isMerge = (value: unknown): value is Merge =>
  isText(value) || (Array.isArray(value) && value.length === 2 && value.every(isText));

/** The two texts of a merge; one is empty where it is none. */
export const pairOf = (merge: Merge): readonly [string, string] => {
  const [left = "", right = ""] = typeof merge === "string" ? merge.split(" ") : merge;
  return [left, right];
};

/** A model whose tokens can be told apart from what they are put together from; bytes may stand for what it has no token of. */
export type TokenizerModel = { readonly byte_fallback: boolean } & (
  | {
      readonly type: "BPE";
      readonly vocab: Readonly<Record<string, number>>;
      readonly merges: readonly Merge[];
      readonly unk_token: string | null;
      readonly continuing_subword_prefix: string;
      readonly end_of_word_suffix: string;
    }
  | {
      readonly type: "Unigram";
      readonly vocab: readonly TokenEntry[];
      /** Logarithms of how likely each is, in order of id. */
      readonly scores: readonly number[];
      readonly unk_id: number | null;
    }
);

const pairsOf = (model: Json): TokenizerModel | null => {
  const { vocab, merges, unk_token, continuing_subword_prefix, end_of_word_suffix } = model;
  if (!isYesOrNone(model.byte_fallback)) return null;
  if (!isIdByText(vocab) || !Array.isArray(merges) || !merges.every(isMerge)) return null;
  if (!isTextOrNone(unk_token) || !isTextOrNone(continuing_subword_prefix)) return null;
  if (!isTextOrNone(end_of_word_suffix)) return null;
  return {
    type: "BPE",
    byte_fallback: model.byte_fallback ?? false,
    vocab,
    merges,
    unk_token: unk_token ?? null,
    continuing_subword_prefix: continuing_subword_prefix ?? "",
    end_of_word_suffix: end_of_word_suffix ?? "",
  };
};

const isScored = (entry: unknown): entry is readonly [string, number] =>
  Array.isArray(entry) && entry.length === 2 && isText(entry[0]) && Number.isFinite(entry[1]);

const piecesOf = ({ vocab, unk_id = null, byte_fallback }: Json): TokenizerModel | null => {
  if (!Array.isArray(vocab) || !vocab.every(isScored)) return null;
  if (unk_id !== null && !isTokenId(unk_id)) return null;
  if (!isYesOrNone(byte_fallback)) return null;
  const scores = vocab.map(([, score]) => score);
  const entries = tokenEntries(vocab) ?? [];
  return { type: "Unigram", byte_fallback: byte_fallback ?? false, vocab: entries, scores, unk_id };
};

/** Null where it is a model of another kind, or none. */
export const tokenizerModel = (model: unknown): TokenizerModel | null => {
  if (!isObject(model)) return null;
  if (model.type === "Unigram") return piecesOf(model);
  return model.type === undefined || model.type === "BPE" ? pairsOf(model) : null;
};
