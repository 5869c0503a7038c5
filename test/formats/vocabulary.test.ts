/** Vocabularies of tokenizer.json files: how many ids, and whether two of them are the same. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readVocabulary } from "../../runtime/formats/vocabulary.js";
import { examples } from "../oracle/example.js";
import { inScratch } from "../support/scratch.js";

const vocabularies = (...tokenizers: readonly unknown[]) =>
  inScratch((scratch) =>
    tokenizers.map((tokenizer, at) => {
      const folder = join(scratch, String(at));
      mkdirSync(folder);
      writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
      return readVocabulary(folder);
    }),
  );

const added = [{ id: 2, content: "</s>", special: true }];

test("by text or in order of id, added tokens are part of it", async () => {
  const [byText, inOrder, other, moved, bare] = await vocabularies(
    { model: { vocab: { a: 0, b: 1 } }, added_tokens: added },
    {
      model: {
        vocab: [
          ["a", -1.5],
          ["b", -2],
        ],
      },
      added_tokens: added,
    },
    { model: { vocab: { a: 0, c: 1 } }, added_tokens: added },
    { model: { vocab: { b: 0, a: 1 } }, added_tokens: added },
    { model: { vocab: { a: 0, b: 1 } } },
  );
  expect([byText, inOrder, other, moved, bare].map((found) => found?.size)).toEqual([
    3, 3, 3, 3, 2,
  ]);
  expect(inOrder).toEqual(byText);
  const hashes = [byText, other, moved, bare].map((found) => found?.hash);
  expect(new Set(hashes).size).toBe(4);
});

test("the example's tokenizer has as many tokens as its model has rows", () => {
  expect(readVocabulary(join(examples, "models/sotu-1m"))?.size).toBe(2048);
});

test("what cannot be read as a tokenizer has none", async () => {
  expect(await vocabularies({}, { model: { vocab: { a: -1 } } }, { model: {} })).toEqual([
    null,
    null,
    null,
  ]);
  expect(readVocabulary(join(examples, "models"))).toBeNull();
});
