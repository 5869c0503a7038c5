/**
 * What `--data` names: a pattern, or the files that a shell has made of one that was not in quotes. The first of these is the
 * option's, the others come as arguments behind the model.
 */
import { statSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import { CommandError } from "./failure.js";

const KINDS = ["jsonl", "parquet"] as const;

export type DataKind = (typeof KINDS)[number] | "text";

const kindOf = (name: string): DataKind =>
  KINDS.find((kind) => name.endsWith(`.${kind}`)) ?? "text";

const isFile = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** More is no pattern to the library that looks for files. */
const LONGEST = 65_000;

const IN_QUOTES = 'write the pattern in quotes, as in --data "texts/*.txt"';

/** A file's path as a pattern of it alone. */
const escaped = (path: string): string => path.replace(/[*?[\]{}()!+@,\\]/g, "\\$&");

/** The folder that all of them are in. */
const folderOf = (paths: readonly string[]): string => {
  const [first = "."] = paths;
  let folder = dirname(first);
  const holds = (path: string): boolean => path.startsWith(folder.replace(/\/?$/, "/"));
  while (!paths.every(holds) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
};

/** One pattern of several files and patterns. */
const together = (given: readonly string[]): string => {
  const paths = given.map((path) => resolve(path).split(sep).join("/"));
  const folder = folderOf(paths);
  const parts = paths.map((path) => {
    const inside = relative(folder, path).split(sep).join("/");
    return isFile(path) ? escaped(inside) : inside;
  });
  return `${escaped(folder).replace(/\/?$/, "/")}{${parts.join(",")}}`;
};

const checkMore = (model: string, more: readonly string[], given: readonly string[]): void => {
  if (more.length > 0 && isFile(model) && !model.endsWith(".gguf"))
    throw new CommandError(`${model} is no model`, {
      hint: `name the model before --data, or ${IN_QUOTES}`,
    });
  for (const file of more)
    if (!isFile(file))
      throw new CommandError(`${file} is no file of data, and eval takes one model`, {
        hint: IN_QUOTES,
      });
  const other = given.find((file) => kindOf(file) !== kindOf(given[0] ?? ""));
  if (other !== undefined)
    throw new CommandError(`${given[0]} and ${other} are files of different kinds`, {
      hint: "evaluate them one after the other",
    });
};

export interface GivenData {
  readonly kind: DataKind;
  /** Absolute. */
  readonly pattern: string;
}

/** The data of a command line: what `--data` has, once or more, and the arguments behind the model. */
export const givenData = (
  model: string,
  data: readonly string[],
  more: readonly string[],
): GivenData => {
  const given = [...data, ...more];
  const [first = ""] = given;
  checkMore(model, more, given);
  const kind = kindOf(first);
  if (given.length === 1) return { kind, pattern: resolve(first) };
  const pattern = together(given);
  if (pattern.length > LONGEST)
    throw new CommandError(`${given.length.toLocaleString("en")} files are too many to name`, {
      hint: IN_QUOTES,
    });
  return { kind, pattern };
};
