/**
 * Which files of a Hugging Face folder hold its weights: model.safetensors, or the shards that
 * model.safetensors.index.json names. The index is hostile: it can name files of this folder only.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { RunError } from "../errors.js";
import { isObject, readJsonObject } from "./json-file.js";

export const WEIGHTS_FILE = "model.safetensors";
export const INDEX_FILE = "model.safetensors.index.json";

/** A hundred thousand tensors fit. */
const INDEX_LIMIT = 64 * 2 ** 20;

/** A plain name of a safetensors file: no folder, no drive, nothing hidden. */
const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*\.safetensors$/;

const isTextByName = (value: unknown): value is Readonly<Record<string, string>> =>
  isObject(value) && Object.values(value).every((text) => typeof text === "string");

/** Tensor name → file name. */
const readIndex = (folder: string): ReadonlyMap<string, string> => {
  const path = join(folder, INDEX_FILE);
  const { weight_map } = readJsonObject(path, INDEX_LIMIT).value;
  if (!isTextByName(weight_map))
    throw new RunError(`${path} has no weight_map from tensors to files`);
  const entries = Object.entries(weight_map);
  for (const [name, file] of entries)
    if (!PLAIN_NAME.test(file))
      throw new RunError(
        `${path} puts tensor ${name} in ${JSON.stringify(file)}, which is no file of this folder`,
      );
  return new Map(entries);
};

/** Whether the folder holds weights in files that are read; which, and whether they are whole, is not looked at. */
export const hasWeightFiles = (folder: string): boolean =>
  [WEIGHTS_FILE, INDEX_FILE].some((file) => existsSync(join(folder, file)));

/** Files that hold weights in a way that is not read from a folder. */
const OTHER_WEIGHTS = /\.(safetensors|gguf|bin|pt|pth|h5|msgpack|ckpt)$/;

/** What else in the folder may be its weights; in order of name. */
export const otherWeights = (folder: string): readonly string[] =>
  statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
    ? readdirSync(folder)
        .filter((file) => OTHER_WEIGHTS.test(file) && file !== WEIGHTS_FILE)
        .sort()
    : [];

const hintFor = (folder: string): { readonly hint?: string } => {
  const others = otherWeights(folder);
  const [first] = others;
  if (first === undefined) return {};
  const gguf = others.find((file) => file.endsWith(".gguf"));
  if (gguf !== undefined) return { hint: `open the file itself: ${join(folder, gguf)}` };
  if (/-\d+-of-\d+\.safetensors$/.test(first))
    return { hint: `${first} is one of several: get ${INDEX_FILE}, which names them all` };
  if (first.endsWith(".safetensors"))
    return { hint: `${first} is under another name: a single file is ${WEIGHTS_FILE}` };
  return {
    hint: `${first} is not read: in transformers, model.save_pretrained(FOLDER) writes ${WEIGHTS_FILE}`,
  };
};

/** Names of the files with weights, in order; `index` is null where there is one file only. */
export const weightFiles = (
  folder: string,
): { readonly files: readonly string[]; readonly index: ReadonlyMap<string, string> | null } => {
  // As transformers does: the single file comes first.
  if (existsSync(join(folder, WEIGHTS_FILE))) return { files: [WEIGHTS_FILE], index: null };
  if (!existsSync(join(folder, INDEX_FILE)))
    throw new RunError(`${folder} has neither ${WEIGHTS_FILE} nor ${INDEX_FILE}`, hintFor(folder));
  const index = readIndex(folder);
  return { files: [...new Set(index.values())].sort(), index };
};
