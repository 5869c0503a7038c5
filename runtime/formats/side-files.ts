/** Files of a Hugging Face folder that hold no weights and stay as they are when the model changes its size. */
import { statSync } from "node:fs";
import { join } from "node:path";

const SIDE_FILES = [
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

const isFile = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** Which of them a folder has, by name. */
export const sideFiles = (folder: string): readonly string[] =>
  SIDE_FILES.filter((name) => isFile(join(folder, name)));
