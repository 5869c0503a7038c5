/** The example's text in tokens, against windows made by another implementation (sotu-1m-windows.json). */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openCorpus } from "../../runtime/data/corpus.js";
import { openTokenizer } from "../../runtime/formats/tokenizer.js";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const examples = path("../../examples");
const oracle: { windows: number[][] } = JSON.parse(
  readFileSync(path("../oracle/sotu-1m-windows.json"), "utf8"),
);

const unseen = {
  name: "unseen",
  kind: "text",
  glob: "data/sotu/valid/*.txt",
  field: "text",
  documents: "joined",
  window: 256,
  take: null,
} as const;

test("windows of the example's texts are those of the reference", async () => {
  const tokenizer = await openTokenizer(`${examples}/models/sotu-1m`);
  expect(tokenizer.start).toBe(0);
  const corpus = await openCorpus(unseen, examples, tokenizer);
  expect(oracle.windows).toHaveLength(8);
  expect(oracle.windows.map((_, index) => [...corpus.at(index)])).toEqual(oracle.windows);
  expect(corpus.files).toHaveLength(12);
  expect(corpus.windows).toBe(Math.floor((corpus.tokens - 1) / 256));
});

test("with take, no more is read than it needs, and the windows are the same", async () => {
  const tokenizer = await openTokenizer(`${examples}/models/sotu-1m`);
  const corpus = await openCorpus({ ...unseen, take: 8 }, examples, tokenizer);
  expect(corpus.windows).toBe(8);
  expect(corpus.tokens).toBeLessThan(40_000);
  expect(oracle.windows.map((_, index) => [...corpus.at(index)])).toEqual(oracle.windows);
  expect(corpus.files).toHaveLength(12);
});
