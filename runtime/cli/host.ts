/** The compiler's window on the file system: library sources, used files, config.json of model folders. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import type { ConfigResult, GgufHeader, Host, Numbers, ReadResult } from "../../compiler/host.js";
import { RunError } from "../errors.js";
import { readConfig } from "../formats/config.js";
import { folderDtypes } from "../formats/folder-dtypes.js";
import { isGguf, readGgufHeader, readGgufNumbers } from "../formats/gguf-files.js";
import {
  type GgufValue,
  type GgufHeader as Header,
  isReadable,
  PLAIN_DTYPES,
  unreadableTensor,
} from "../formats/gguf-header.js";
import type { Dtype } from "../formats/stored-tensor.js";
import { readVocabulary, type Vocabulary } from "../formats/vocabulary.js";
import { readStdlib, type Stdlib, withoutFile } from "./stdlib.js";

const readText = (path: string): ReadResult => {
  try {
    return { ok: true, text: readFileSync(path, "utf8") };
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    return { ok: false, reason: missing ? "missing" : "unreadable" };
  }
};

export const hashText = (text: string): string => createHash("sha256").update(text).digest("hex");

const withoutLists = (value: GgufValue): number | boolean | string | { readonly count: number } =>
  typeof value === "object" ? { count: value.length } : value;

/** Packed tensors are read as f32. */
const dtypeOfGguf = (type: number): Dtype => PLAIN_DTYPES.get(type as 0 | 1 | 30) ?? "f32";

const numbersIn = (header: Header, name: string): Numbers | null => {
  try {
    const values = readGgufNumbers(header, name);
    return values === null ? null : { ok: true, values };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
};

/** What a GGUF file says of itself, of lists only how long they are. */
const readHeader = (path: string): ConfigResult => {
  const found = readGgufHeader(path);
  const { metadata, tensors } = found;
  const short = [...metadata].map(([key, value]) => [key, withoutLists(value)] as const);
  const types = [...tensors].map(([name, { type }]): [string, Dtype] => [name, dtypeOfGguf(type)]);
  const unreadable = [...tensors.values()].flatMap((entry): [string, string][] =>
    isReadable(entry.type) ? [] : [[entry.name, unreadableTensor(entry)]],
  );
  const header: GgufHeader = {
    metadata: new Map(short),
    tensors: new Map(types),
    unreadable: new Map(unreadable),
    numbers: (name) => numbersIn(found, name),
  };
  return { ok: true, kind: "gguf", header, text: JSON.stringify([short, [...tensors.keys()]]) };
};

/** Null where there is none to be read: what is wrong with the file is said when texts are read. */
const vocabularyIn = (folder: string): Vocabulary | null => {
  try {
    return isGguf(folder) ? null : readVocabulary(folder);
  } catch {
    return null;
  }
};

/** A name of the Hugging Face hub, OWNER/NAME, which a path of a folder may look like. */
const HUB_NAME = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;

/** What to do where `place`, which is no folder, was meant as a name of the hub. */
const hubHint = (base: string, place: string): string | null => {
  const name = relative(base, place).split(sep).join("/");
  return HUB_NAME.test(name) && !existsSync(dirname(place))
    ? `a path here, not a name of the hub; to get that: hf download ${name} --local-dir ${name}`
    : null;
};

/** A host for a spec in `base` (the folder its relative paths start from); `own` is the file that is checked, if it is one. */
export const fileHost = (base: string, own: string | null = null): Host => {
  let library: Stdlib | null = null;
  const vocabularies = new Map<string, Vocabulary | null>();
  return {
    readText,
    join: (from, path) => (isAbsolute(path) ? path : join(dirname(from), path)),
    stdlib: () => {
      library ??= own === null ? readStdlib() : withoutFile(readStdlib(), own);
      return library;
    },
    readConfig: (path) => {
      const place = isAbsolute(path) ? path : join(base, path);
      try {
        return isGguf(path)
          ? readHeader(place)
          : { ok: true, kind: "folder", ...readConfig(place), dtypes: folderDtypes(place) };
      } catch (error) {
        return {
          ok: false,
          reason: error instanceof Error ? error.message : String(error),
          hint: (error instanceof RunError ? error.hint : null) ?? hubHint(base, place),
        };
      }
    },
    readVocabulary: (path) => {
      const folder = isAbsolute(path) ? path : join(base, path);
      const known = vocabularies.get(folder);
      if (known !== undefined) return known;
      const vocabulary = vocabularyIn(folder);
      vocabularies.set(folder, vocabulary);
      return vocabulary;
    },
    hash: hashText,
  };
};
