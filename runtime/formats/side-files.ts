/** Files of a Hugging Face folder that hold no weights and stay as they are when the model changes its size. */
import { statSync } from "node:fs";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseObject, readJsonObject } from "./json-file.js";

const NAMES = [
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "tokenizer.model",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "chat_template.jinja",
  "chat_template.json",
] as const;

/** The largest known vocabularies take some 30 MB. */
const LIMIT = 256 * 2 ** 20;

/** A file as it stands in a folder, or as it was made from another format. */
export type SideFile = { readonly name: string } & (
  | { readonly path: string }
  | { readonly text: string }
);

const isFile = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** Which of them a folder has. */
export const sideFiles = (folder: string): readonly SideFile[] =>
  NAMES.map((name) => ({ name, path: join(folder, name) })).filter(({ path }) => isFile(path));

export const writeSideFile = async (folder: string, file: SideFile): Promise<void> => {
  const target = join(folder, file.name);
  if ("path" in file) await copyFile(file.path, target);
  else await writeFile(target, file.text);
};

/** The text of one of the files; null where there is no such file. */
export const readSideText = (files: readonly SideFile[], name: string): string | null => {
  const file = files.find((candidate) => candidate.name === name);
  if (file === undefined) return null;
  return "path" in file ? readJsonObject(file.path, LIMIT).text : file.text;
};

/** The object that one of the files holds; null where there is no such file. */
export const readSideJson = (
  files: readonly SideFile[],
  name: string,
): Readonly<Record<string, unknown>> | null => {
  const file = files.find((candidate) => candidate.name === name);
  if (file === undefined) return null;
  return "path" in file
    ? readJsonObject(file.path, LIMIT).value
    : parseObject(file.text, file.name);
};
