/** Prints how long the first check of a spec takes in a process, in ms: the language's work without Node's start. */
import { checkSpec } from "../runtime/cli/spec.js";

const [spec = ""] = process.argv.slice(2);
const start = performance.now();
const { result } = checkSpec(spec, {});
const ms = performance.now() - start;
if (result.recipe === null) throw new Error(`${spec} is wrong`);
process.stdout.write(`${ms}\n`);
