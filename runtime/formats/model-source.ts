/** What goes with the weights of a Hugging Face folder or a GGUF file: tokenizer, side files, fingerprints. */
import { statSync } from "node:fs";
import { basename, join } from "node:path";
import { fileError } from "../errors.js";
import { hashFolder } from "./checkpoint-folder.js";
import { CONFIG_FILE } from "./config.js";
import { ggufParts, readGgufHeader } from "./gguf-files.js";
import { tokenizerFiles } from "./gguf-tokenizer.js";
import { type FileHash, hashFile } from "./hash.js";
import type { Reading } from "./open-model.js";
import { readSideJson, type SideFile, sideFiles } from "./side-files.js";
import { openTokenizer, type Tokenizer, tokenizerOf } from "./tokenizer.js";

/** The config.json of a GGUF file, with whole numbers that it has as floating-point ones spelled so. */
const spelledConfig = ({ config, floats }: NonNullable<Reading>): string => {
  const whole = floats.filter((key) => Number.isSafeInteger(config[key]));
  return `{${whole.map((key) => `${JSON.stringify(key)}: ${String(config[key])}.0`).join(", ")}}`;
};

/** What goes with an export of the model; config.json for its spelling. */
export const sideFilesOf = (path: string, reading: Reading): readonly SideFile[] =>
  reading === null
    ? [...sideFiles(path), { name: CONFIG_FILE, path: join(path, CONFIG_FILE) }]
    : [
        ...tokenizerFiles(readGgufHeader(path).metadata, reading.pretokenizers, path),
        { name: CONFIG_FILE, text: spelledConfig(reading) },
      ];

/** The tokenizer that a model's files are of; `model` is how errors name it. */
export const tokenizerAmong = (
  files: readonly SideFile[],
  config: Readonly<Record<string, unknown>>,
  model: string,
): Tokenizer =>
  tokenizerOf({
    definition: readSideJson(files, "tokenizer.json") ?? {},
    settings: readSideJson(files, "tokenizer_config.json") ?? {},
    config,
    generation: readSideJson(files, "generation_config.json") ?? {},
    model,
    shown: `the tokenizer of ${model}`,
  });

export const modelTokenizer = async (path: string, reading: Reading): Promise<Tokenizer> => {
  if (reading === null) return openTokenizer(path);
  return tokenizerAmong(sideFilesOf(path, reading), reading.config, path);
};

/** Hashes of what a model is read from. */
export const hashModel = async (path: string): Promise<readonly FileHash[]> => {
  try {
    if (statSync(path).isDirectory()) return await hashFolder(path);
    const parts = ggufParts(path, readGgufHeader(path));
    return await Promise.all(parts.map((part) => hashFile(part, basename(part))));
  } catch (error) {
    throw fileError("read", path, error);
  }
};
