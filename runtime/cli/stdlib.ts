/**
 * The standard library as the compiler takes it. Built, its trees stand beside the bundle in one file, so that nothing of
 * it is parsed when the command line starts; run from source, its `.prune` files are parsed as they are.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { type Parsed, parse } from "../../grammar/parse.js";
import { readTrees, writeTrees } from "../../grammar/trees.js";
import { nearestAbove, scriptFolder } from "./installation.js";

export type Stdlib = ReadonlyMap<string, Parsed>;

/** The name of the file with the trees. */
const TREES = "stdlib.jsonl";

const PREFIX = "stdlib/";

const sourceFolder = (): string => nearestAbove("stdlib");

/** All `.prune` files below a folder, in order of path. */
export const parseLibrary = (folder: string): Stdlib => {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".prune"))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  const named = paths.map((path) => [path.split(sep).join("/"), path] as const);
  return new Map(
    named
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, path]) => [
        name,
        parse(`${PREFIX}${name}`, readFileSync(join(folder, path), "utf8")),
      ]),
  );
};

/** What is kept of a library that was parsed; Error where a file of it has a mistake. */
export const storedLibrary = (library: Stdlib): string => {
  const files = [...library.values()].map(({ file, diagnostics: [mistake] }) => {
    if (mistake !== undefined) throw new Error(`${file.path}: ${mistake.message}`);
    return file;
  });
  return writeTrees(files)
    .map((line) => `${line}\n`)
    .join("");
};

/** A library as it was kept; most of its bytes never become text. */
export const libraryStored = (bytes: Buffer): Stdlib => {
  const ends: number[] = [];
  for (let end = bytes.indexOf("\n"); end >= 0; end = bytes.indexOf("\n", end + 1)) ends.push(end);
  // All of it is ASCII.
  const line = (at: number): string => bytes.toString("latin1", (ends[at - 1] ?? -1) + 1, ends[at]);
  return new Map(
    readTrees(line).map((file) => [file.path.slice(PREFIX.length), { file, diagnostics: [] }]),
  );
};

/** Where a file of the library, `stdlib/x.prune`, can be read by people. */
export const librarySource = (path: string): string =>
  join(sourceFolder(), path.slice(PREFIX.length));

export const readStdlib = (): Stdlib => {
  const trees = join(scriptFolder(), TREES);
  return existsSync(trees) ? libraryStored(readFileSync(trees)) : parseLibrary(sourceFolder());
};

/** The library without the file at `path`, where that is one of its own: it is then tried as it stands there. */
export const withoutFile = (library: Stdlib, path: string): Stdlib => {
  const name = path.split(sep).join("/").split(`/${PREFIX}`).at(-1) ?? "";
  return library.has(name) && librarySource(PREFIX + name) === path
    ? new Map([...library].filter(([other]) => other !== name))
    : library;
};
