/**
 * A data set as windows of tokens: files in order of name, each document beginning with the start token, all joined and
 * cut (windows.ts). Tokens are held in memory, in 16 bits where they fit.
 */
import { relative, resolve, sep } from "node:path";
import { glob } from "tinyglobby";
import type { DataSource } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { type FileHash, hashFile } from "../formats/hash.js";
import type { Encoder } from "../formats/tokenizer.js";
import { type DataFile, jsonlDocuments, textDocuments } from "./documents.js";
import { cutWindows } from "./windows.js";

export interface Corpus {
  readonly name: string;
  /** Predicted tokens per window. */
  readonly window: number;
  readonly windows: number;
  /** The window + 1 tokens of a window. */
  readonly at: (index: number) => Uint32Array;
  /** Tokens that were read; with `take`, from no more documents than it needs. */
  readonly tokens: number;
  /** Every file that the glob names, in order. */
  readonly files: readonly FileHash[];
}

/** The same in every locale. */
const byName = (a: DataFile, b: DataFile): number =>
  a.shown < b.shown ? -1 : a.shown > b.shown ? 1 : 0;

const filesOf = async (source: DataSource, base: string): Promise<readonly DataFile[]> => {
  const root = resolve(base);
  const found = await glob(source.glob, { cwd: root, absolute: true, expandDirectories: false });
  const files = found.map((file) => ({
    file,
    shown: relative(root, file).split(sep).join("/"),
  }));
  if (files.length === 0)
    throw new RunError(`data ${source.name}: no file matches ${source.glob} in ${base}`);
  return files.sort(byName);
};

async function* documentsOf(
  kind: DataSource["kind"],
  files: readonly DataFile[],
): AsyncGenerator<string> {
  for (const file of files)
    switch (kind) {
      case "text":
        yield* textDocuments(file);
        break;
      case "jsonl":
        yield* jsonlDocuments(file);
        break;
      default:
        kind satisfies never;
    }
}

const joined = (parts: readonly Uint32Array[], length: number): Uint16Array | Uint32Array => {
  const narrow = parts.every((part) => part.every((token) => token < 2 ** 16));
  const tokens = narrow ? new Uint16Array(length) : new Uint32Array(length);
  let offset = 0;
  for (const part of parts) {
    tokens.set(part, offset);
    offset += part.length;
  }
  return tokens;
};

/** Tokens of all documents, or of as many as `enough` tokens take. */
const tokensOf = async (
  source: DataSource,
  files: readonly DataFile[],
  tokenizer: Encoder,
): Promise<Uint16Array | Uint32Array> => {
  const enough = source.take === null ? Number.POSITIVE_INFINITY : source.take * source.window + 1;
  const parts: Uint32Array[] = [];
  let length = 0;
  for await (const text of documentsOf(source.kind, files)) {
    const ids = tokenizer.encode(text);
    parts.push(Uint32Array.of(tokenizer.start), ids);
    length += 1 + ids.length;
    if (length >= enough) break;
  }
  return joined(parts, length);
};

/** Opens a data source relative to `base`; RunError where there is less of it than it says. */
export const openCorpus = async (
  source: DataSource,
  base: string,
  tokenizer: Encoder,
): Promise<Corpus> => {
  const files = await filesOf(source, base);
  const hashes: FileHash[] = [];
  for (const { file, shown } of files) hashes.push(await hashFile(file, shown));
  const tokens = await tokensOf(source, files, tokenizer);
  const { count, at } = cutWindows(tokens, source.window, source.take);
  const wanted = source.take ?? 1;
  if (count < wanted)
    throw new RunError(
      `data ${source.name} has ${count} windows of ${source.window} tokens (${tokens.length} tokens in all), ${wanted} asked for`,
      { hint: "take fewer windows, shorten them, or give it more text" },
    );
  return {
    name: source.name,
    window: source.window,
    windows: count,
    at,
    tokens: tokens.length,
    files: hashes,
  };
};
