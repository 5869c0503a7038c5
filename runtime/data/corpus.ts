/**
 * A data set as windows of tokens: files in order of name, each document beginning with the start token, cut (windows.ts).
 * Tokens wait on disk (token-store.ts), so that memory does not grow with the files.
 */
import { statSync } from "node:fs";
import { relative, resolve, sep } from "node:path";
import { glob } from "tinyglobby";
import type { DocumentSource, MixSource } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { type FileHash, hashFile } from "../formats/hash.js";
import type { Encoder } from "../formats/tokenizer.js";
import { type DataFile, jsonlDocuments, textDocuments } from "./documents.js";
import { openMix } from "./mix.js";
import { parquetDocuments } from "./parquet.js";
import { openTokenStore } from "./token-store.js";
import { joinedWindows, separateWindows, type WindowCutter } from "./windows.js";

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
  readonly close: () => void;
}

/** The same in every locale. */
const byName = (a: DataFile, b: DataFile): number =>
  a.shown < b.shown ? -1 : a.shown > b.shown ? 1 : 0;

const noneMatches = (name: string, pattern: string, base: string): RunError => {
  const isFolder = statSync(resolve(base, pattern), { throwIfNoEntry: false })?.isDirectory();
  return new RunError(
    `data ${name}: no file matches ${pattern} in ${base}`,
    isFolder === true
      ? { hint: `it is a folder: name the files in it, as in "${pattern.replace(/\/+$/, "")}/*"` }
      : {},
  );
};

/** Paths of the files that a glob names. */
export const dataPaths = (pattern: string, base: string): Promise<string[]> =>
  glob(pattern, { cwd: resolve(base), absolute: true, expandDirectories: false });

/** The files that a glob names, in order of name. */
export const dataFiles = async (
  name: string,
  pattern: string,
  base: string,
): Promise<readonly DataFile[]> => {
  const root = resolve(base);
  const found = await dataPaths(pattern, base);
  const files = found.map((file) => ({
    file,
    shown: relative(root, file).split(sep).join("/"),
  }));
  if (files.length === 0) throw noneMatches(name, pattern, base);
  return files.sort(byName);
};

async function* documentsOf(
  { kind, field }: DocumentSource,
  files: readonly DataFile[],
): AsyncGenerator<string> {
  for (const file of files)
    switch (kind) {
      case "text":
        yield* textDocuments(file);
        break;
      case "jsonl":
        yield* jsonlDocuments(file, field);
        break;
      case "parquet":
        yield* parquetDocuments(file, field);
        break;
      default:
        kind satisfies never;
    }
}

/** Tokenizes documents until there are windows enough; returns the tokens that were read. */
const fill = async (
  windows: WindowCutter,
  source: DocumentSource,
  files: readonly DataFile[],
  tokenizer: Encoder,
): Promise<number> => {
  let tokens = 0;
  for await (const text of documentsOf(source, files)) {
    const ids = tokenizer.encode(text);
    const document = new Uint32Array(1 + ids.length);
    document[0] = tokenizer.start;
    document.set(ids, 1);
    windows.add(document);
    tokens += document.length;
    if (source.take !== null && windows.count() >= source.take) break;
  }
  return tokens;
};

const openDocuments = async (
  source: DocumentSource,
  base: string,
  tokenizer: Encoder,
): Promise<Corpus> => {
  const { name, window, take } = source;
  const files = await dataFiles(name, source.glob, base);
  const hashes: FileHash[] = [];
  for (const { file, shown } of files) hashes.push(await hashFile(file, shown));
  const store = await openTokenStore();
  try {
    const cut = source.documents === "apart" ? separateWindows : joinedWindows;
    const windows = cut(store, window);
    const tokens = await fill(windows, source, files, tokenizer);
    const count = Math.min(windows.count(), take ?? Number.POSITIVE_INFINITY);
    if (count < (take ?? 1))
      throw new RunError(
        `data ${name} has ${count} windows of ${window} tokens (${tokens} tokens in all), ${take ?? 1} asked for`,
        { hint: "take fewer windows, shorten them, or give it more text" },
      );
    const at = (index: number): Uint32Array => {
      if (index >= count) throw new RangeError(`window ${index} of ${count}`);
      return windows.at(index);
    };
    return { name, window, windows: count, at, tokens, files: hashes, close: store.close };
  } catch (error) {
    store.close();
    throw error;
  }
};

/** Opens a data source relative to `base`; RunError where there is less of it than it says. `opened` are parts of mixtures. */
export const openCorpus = async (
  source: DocumentSource | MixSource,
  base: string,
  tokenizer: Encoder,
  opened: ReadonlyMap<string, Corpus> = new Map(),
): Promise<Corpus> =>
  source.kind === "mix" ? openMix(source, opened) : openDocuments(source, base, tokenizer);

/** Opens data in order of declaration, so that what a mixture is made of is there before it. */
export const openCorpora = async (
  sources: Iterable<DocumentSource | MixSource>,
  base: string,
  tokenizer: Encoder,
): Promise<ReadonlyMap<string, Corpus>> => {
  const corpora = new Map<string, Corpus>();
  try {
    for (const source of sources)
      corpora.set(source.name, await openCorpus(source, base, tokenizer, corpora));
    return corpora;
  } catch (error) {
    for (const corpus of corpora.values()) corpus.close();
    throw error;
  }
};
