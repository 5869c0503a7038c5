/** A Host whose files are a map in memory; only the standard library is read from disk. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import type { Host, Vocabulary } from "../../compiler/host.js";
import { type Parsed, parse } from "../../grammar/parse.js";

const STDLIB = fileURLToPath(new URL("../../stdlib", import.meta.url));

/** The standard library on disk: texts by path relative to stdlib. */
export const stdlibTexts = (): ReadonlyMap<string, string> => {
  const paths = readdirSync(STDLIB, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".prune"))
    .map((path) => path.replaceAll("\\", "/"))
    .sort();
  return new Map(paths.map((path) => [path, readFileSync(join(STDLIB, path), "utf8")]));
};

const parsed = (texts: ReadonlyMap<string, string>): ReadonlyMap<string, Parsed> =>
  new Map([...texts].map(([path, text]) => [path, parse(`stdlib/${path}`, text)]));

let onDisk: ReadonlyMap<string, Parsed> | null = null;

/** As it is on disk, parsed once. */
const stdlibParsed = (): ReadonlyMap<string, Parsed> => {
  onDisk ??= parsed(stdlibTexts());
  return onDisk;
};

export interface MemoryFiles {
  /** Used files by path, relative to the spec's folder. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Parsed config.json by model folder. */
  readonly models?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Vocabularies of tokenizers by model folder; other folders have none. */
  readonly vocabularies?: Readonly<Record<string, Vocabulary>>;
  /** In the place of the standard library on disk. */
  readonly stdlib?: ReadonlyMap<string, string>;
}

export const memoryHost = ({
  texts = {},
  models = {},
  vocabularies = {},
  stdlib,
}: MemoryFiles = {}): Host => {
  const library = stdlib === undefined ? stdlibParsed() : parsed(stdlib);
  return {
    readText: (path) => {
      const text = Object.hasOwn(texts, path) ? texts[path] : undefined;
      return text === undefined ? { ok: false, reason: "missing" } : { ok: true, text };
    },
    join: (from, relative) => posix.normalize(posix.join(posix.dirname(from), relative)),
    stdlib: () => library,
    readConfig: (folder) => {
      const config = Object.hasOwn(models, folder) ? models[folder] : undefined;
      return config === undefined
        ? { ok: false, reason: "there is no config.json", hint: null }
        : { ok: true, kind: "folder", config, dtypes: null, text: JSON.stringify(config) };
    },
    readVocabulary: (folder) => vocabularies[folder] ?? null,
    hash: (text) => createHash("sha256").update(text).digest("hex"),
  };
};
