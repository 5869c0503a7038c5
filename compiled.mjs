// node compiled.mjs PROGRAM ARGS…: runs a program as its command does and keeps beside it what V8 has compiled by then.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { Script } from "node:vm";

const [node, , filename, ...args] = process.argv;
process.argv = [node, filename, ...args];
const script = new Script(readFileSync(filename, "latin1"), { filename });
process.on("exit", () => writeFileSync(`${filename}.compiled`, script.createCachedData()));
const program = script.runInThisContext();
program(createRequire(filename), (name) => import(name), filename, dirname(filename));
