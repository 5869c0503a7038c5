/**
 * The files of a tokenizer without the tokens that were cut: tokens that stay are numbered in their order, merges of cut
 * ones go, and every file that names ids names the new ones.
 */
import { RunError } from "../errors.js";
import { readSideJson, type SideFile } from "./side-files.js";
import { mergeOf, type TokenParts, tokenParts } from "./token-parts.js";

type Json = Readonly<Record<string, unknown>>;

/** Files that say again, in the old numbers, what tokenizer.json says. */
const REPEATED: readonly string[] = ["tokenizer.model", "vocab.json", "merges.txt"];

const DEFINITION = "tokenizer.json";

/** Keys of config.json and generation_config.json with ids: `eos_token_id`, `suppress_tokens`. */
const NAMES_IDS = /_token_id$|^(begin_)?suppress_tokens$/;

const idsIn = (config: Json): number[] =>
  Object.entries(config)
    .filter(([key]) => NAMES_IDS.test(key))
    .flatMap(([, value]) => value)
    .filter((value): value is number => typeof value === "number");

type Renumber = ReadonlyMap<number, number>;

const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const renumbering = (kept: readonly number[]): Renumber =>
  new Map(kept.map((old, at) => [old, at]));

/** An id by its new number; what is none, such as -1, stays. */
const renumbered = (value: unknown, ids: Renumber): unknown =>
  typeof value === "number" ? (ids.get(value) ?? value) : value;

/** config.json, or generation_config.json, with ids in their new numbers. */
const configBy = (config: Json, ids: Renumber): Json =>
  Object.fromEntries(
    Object.entries(config).map(([key, value]) => {
      if (!NAMES_IDS.test(key)) return [key, value];
      const list = Array.isArray(value) ? value.map((one: unknown) => renumbered(one, ids)) : null;
      return [key, list ?? renumbered(value, ids)];
    }),
  );

export const renumberedConfig = (config: Json, kept: readonly number[]): Json =>
  configBy(config, renumbering(kept));

/** Post-processors name ids as `ids`, or as `[token, id]` of `sep` and `cls`; they may stand in one another. */
const renumberedProcessor = (value: unknown, ids: Renumber): unknown => {
  if (Array.isArray(value)) return value.map((inner: unknown) => renumberedProcessor(inner, ids));
  if (!isJson(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const named = key === "ids" || key === "sep" || key === "cls";
      if (named && Array.isArray(inner))
        return [key, inner.map((one: unknown) => renumbered(one, ids))];
      return [key, renumberedProcessor(inner, ids)];
    }),
  );
};

const cutModel = (model: Json, ids: Renumber): Json => {
  const { vocab, merges, unk_id, ...rest } = model;
  if (Array.isArray(vocab))
    return {
      ...rest,
      ...(unk_id === undefined ? {} : { unk_id: renumbered(unk_id, ids) }),
      vocab: vocab.filter((_, at) => ids.has(at)),
    };
  const entries = Object.entries(isJson(vocab) ? vocab : {}).flatMap(([text, old]) => {
    const at = typeof old === "number" ? ids.get(old) : undefined;
    return at === undefined ? [] : [[text, at] as const];
  });
  const texts = new Set(entries.map(([text]) => text));
  const prefix = model.continuing_subword_prefix;
  const stays = (merge: string | [string, string]): boolean => {
    const found = mergeOf(merge, typeof prefix === "string" ? prefix : "");
    return (
      found !== null && [found.left, found.right, found.whole].every((text) => texts.has(text))
    );
  };
  return {
    ...rest,
    vocab: Object.fromEntries(entries),
    merges: (Array.isArray(merges) ? merges : []).filter(stays),
  };
};

const cutDefinition = (definition: Json, ids: Renumber): Json => {
  const { model, added_tokens: added, post_processor, padding } = definition;
  const renumberedPadding = isJson(padding)
    ? { ...padding, pad_id: renumbered(padding.pad_id, ids) }
    : padding;
  return {
    ...definition,
    ...(padding === undefined ? {} : { padding: renumberedPadding }),
    added_tokens: (Array.isArray(added) ? added : []).map((token: Json) => ({
      ...token,
      id: renumbered(token.id, ids),
    })),
    ...(post_processor === undefined
      ? {}
      : { post_processor: renumberedProcessor(post_processor, ids) }),
    model: cutModel(isJson(model) ? model : {}, ids),
  };
};

/** tokenizer_config.json lists added tokens by id. */
const cutSettings = (settings: Json, ids: Renumber): Json => {
  const { added_tokens_decoder: added } = settings;
  if (!isJson(added)) return settings;
  const entries = Object.entries(added).map(([old, token]) => [
    renumbered(Number(old), ids),
    token,
  ]);
  return { ...settings, added_tokens_decoder: Object.fromEntries(entries) };
};

const renumberedValues = (content: Json, ids: Renumber): Json =>
  Object.fromEntries(Object.entries(content).map(([text, old]) => [text, renumbered(old, ids)]));

const contentOf = (name: string, content: Json, ids: Renumber): Json | null => {
  switch (name) {
    case DEFINITION:
      return cutDefinition(content, ids);
    case "tokenizer_config.json":
      return cutSettings(content, ids);
    case "added_tokens.json":
      return renumberedValues(content, ids);
    case "generation_config.json":
      return configBy(content, ids);
    default:
      return null;
  }
};

const definitionOf = (side: readonly SideFile[], model: string): Json => {
  const definition = readSideJson(side, DEFINITION);
  if (definition !== null) return definition;
  throw new RunError(`${model} has no tokenizer.json, so none of its tokens can be cut`);
};

/** What must be known of the tokens among `side` to cut some of them. RunError where they are of a kind that cannot be cut. */
export const cuttableTokens = (
  side: readonly SideFile[],
  config: Json,
  model: string,
): TokenParts => {
  const named = [...idsIn(config), ...idsIn(readSideJson(side, "generation_config.json") ?? {})];
  const parts = tokenParts(definitionOf(side, model), named);
  if (parts !== null) return parts;
  throw new RunError(
    `the tokenizer of ${model} is neither of byte pairs nor of pieces, so none of its tokens can be cut`,
  );
};

/** The files with the tokens `kept` alone (old ids, ascending), numbered in their order. */
export const cutTokens = (
  side: readonly SideFile[],
  kept: readonly number[],
): readonly SideFile[] => {
  const ids = renumbering(kept);
  return side
    .filter(({ name }) => !REPEATED.includes(name))
    .map((file) => {
      if (!file.name.endsWith(".json")) return file;
      const content = contentOf(file.name, readSideJson(side, file.name) ?? {}, ids);
      return content === null
        ? file
        : { name: file.name, text: `${JSON.stringify(content, null, 2)}\n` };
    });
};
