/** config.json of a Hugging Face folder: read as data; what its keys mean is the library's business. */
import { join } from "node:path";
import { readJsonObject } from "./json-file.js";

export const CONFIG_FILE = "config.json";

/** Real ones have a few thousand bytes. */
const LIMIT = 1 << 20;

export interface ConfigFile {
  readonly config: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Reads FOLDER/config.json; RunError where it is missing, too large or not a JSON object. */
export const readConfig = (folder: string): ConfigFile => {
  const { value, text } = readJsonObject(join(folder, CONFIG_FILE), LIMIT);
  return { config: value, text };
};
