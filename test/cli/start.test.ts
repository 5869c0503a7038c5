/** The program that a command starts: compiled when it was built, and the same where that cannot be used. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { espalier } from "../support/espalier.js";

const dist = fileURLToPath(new URL("../../dist", import.meta.url));
const program = "espalier.program.js";
const compiled = `${program}.compiled`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-start-"));
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }\n`);
  for (const name of ["espalier.js", program, "stdlib.jsonl"])
    cpSync(join(dist, name), join(folder, name));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const example = fileURLToPath(new URL("../../examples/sotu-half.prune", import.meta.url));
const checkCopy = () => espalier(["check", example], undefined, join(folder, "espalier.js"));

test("V8 takes what was compiled when the product was built", () => {
  const cachedData = readFileSync(join(dist, compiled));
  const script = new Script(readFileSync(join(dist, program), "latin1"), { cachedData });
  expect(script.cachedDataRejected).toBe(false);
});

test("nothing compiled before", async () => {
  expect(await checkCopy()).toEqual(await espalier(["check", example]));
});

test("compiled by something else", async () => {
  const other = new Script("1 + 1").createCachedData();
  writeFileSync(join(folder, compiled), other);
  expect(await checkCopy()).toEqual(await espalier(["check", example]));
});
