/** The weights of a Hugging Face folder, over however many files; an index must agree with what its shards hold. */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { RunError } from "../errors.js";
import { type FileHash, hashFile } from "./hash.js";
import { openSafetensors, type Safetensors } from "./safetensors.js";
import { sideFiles } from "./side-files.js";
import type { StoredTensor } from "./stored-tensor.js";
import { INDEX_FILE, weightFiles } from "./weight-files.js";

/** All tensors of a folder, over however many files. */
export interface Checkpoint {
  readonly folder: string;
  readonly names: readonly string[];
  readonly has: (name: string) => boolean;
  /** The path of the file that holds a tensor; RunError where none does. */
  readonly pathOf: (name: string) => string;
  /** The shape of a tensor; RunError where there is none of that name. */
  readonly shape: (name: string) => readonly number[];
  /** A tensor as it is in its file; RunError where weights cannot be read from its type. */
  readonly tensor: (name: string) => StoredTensor;
  readonly close: () => Promise<void>;
}

/** Says of a missing file how many of them are. */
const withHint = (error: unknown, folder: string, files: readonly string[]): unknown => {
  if (!(error instanceof RunError) || error.code !== "ENOENT") return error;
  const missing = files.filter((file) => !existsSync(join(folder, file)));
  const count = `${missing.length} of the ${files.length} files that ${INDEX_FILE} names`;
  return new RunError(error.message, {
    cause: error.cause,
    hint: `${count} ${missing.length === 1 ? "is" : "are"} not there: get the rest of the download`,
  });
};

const openAll = async (
  folder: string,
  files: readonly string[],
): Promise<ReadonlyMap<string, Safetensors>> => {
  const opened = new Map<string, Safetensors>();
  try {
    for (const file of files) opened.set(file, await openSafetensors(join(folder, file)));
    return opened;
  } catch (error) {
    for (const file of opened.values()) await file.close();
    throw withHint(error, folder, files);
  }
};

/** Which open file holds each tensor; with an index, as it says. */
const placesOf = (
  folder: string,
  opened: ReadonlyMap<string, Safetensors>,
  index: ReadonlyMap<string, string> | null,
): ReadonlyMap<string, Safetensors> => {
  const places = new Map<string, Safetensors>();
  if (index === null) {
    for (const file of opened.values()) for (const name of file.names) places.set(name, file);
    return places;
  }
  const held = new Map([...opened].map(([name, file]) => [name, new Set(file.names)]));
  for (const [name, file] of index) {
    const place = opened.get(file);
    if (place === undefined || held.get(file)?.has(name) !== true)
      throw new RunError(
        `${join(folder, file)} has no tensor ${name}, where ${INDEX_FILE} puts it`,
      );
    places.set(name, place);
  }
  return places;
};

/** Opens the weights of a folder. Close it when done. */
export const openCheckpoint = async (folder: string): Promise<Checkpoint> => {
  const { files, index } = weightFiles(folder);
  const opened = await openAll(folder, files);
  const close = async (): Promise<void> => {
    for (const file of opened.values()) await file.close();
  };
  try {
    const places = placesOf(folder, opened, index);
    const holding = (name: string): Safetensors => {
      const file = places.get(name);
      if (file === undefined) throw new RunError(`${folder} has no tensor ${name}`);
      return file;
    };
    return {
      folder,
      names: [...places.keys()],
      has: (name) => places.has(name),
      pathOf: (name) => holding(name).path,
      shape: (name) => holding(name).shape(name),
      tensor: (name) => holding(name).tensor(name),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/** Hashes of what a model folder is read from: config.json, weights, index, tokenizer. Paths are FOLDER-NAME/FILE. */
export const hashFolder = async (folder: string): Promise<readonly FileHash[]> => {
  const { files, index } = weightFiles(folder);
  const names = [
    "config.json",
    ...files,
    ...(index === null ? [] : [INDEX_FILE]),
    ...sideFiles(folder).map(({ name }) => name),
  ];
  const prefix = basename(resolve(folder));
  const hashes: FileHash[] = [];
  for (const name of names) hashes.push(await hashFile(join(folder, name), `${prefix}/${name}`));
  return hashes;
};
