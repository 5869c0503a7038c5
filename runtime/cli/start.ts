#!/usr/bin/env node
/**
 * Starts the program that stands beside this file under the same name. A command runs most of its code once, so that
 * compiling takes as long as running: V8 is given what it compiled of the program when the product was built, and by
 * itself compiles anew where that is of another version of V8 or missing.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";

/** The program as a function of what it cannot reach from a script: Node's `require` and `import`, and its own place. */
type Program = (
  require: NodeJS.Require,
  load: (name: string) => Promise<unknown>,
  filename: string,
  folder: string,
) => void;

const filename = fileURLToPath(import.meta.url).replace(/\.js$/, ".program.js");

const compiled = (): { readonly cachedData?: Buffer } => {
  try {
    return { cachedData: readFileSync(`${filename}.compiled`) };
  } catch {
    return {};
  }
};

// Its text is ASCII: as Latin-1 it is not copied.
const script = new Script(readFileSync(filename, "latin1"), { filename, ...compiled() });
const program: Program = script.runInThisContext();
program(createRequire(filename), (name) => import(name), filename, dirname(filename));
