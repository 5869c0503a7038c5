/** A tokenizer of likeliest pieces written to GGUF and read back: the same tokens, and what it does to a text before. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { pretokenizersOf } from "../../compiler/library/pretokenizer.js";
import { must } from "../../compiler/planning/outcome.js";
import { readGgufHeader } from "../../runtime/formats/gguf-files.js";
import { tokenizerFiles } from "../../runtime/formats/gguf-tokenizer.js";
import { tokenizerMetadata } from "../../runtime/formats/gguf-tokenizer-write.js";
import { writeGguf } from "../../runtime/formats/gguf-write.js";
import { tokenizerAmong } from "../../runtime/formats/model-source.js";
import { readSideJson, type SideFile } from "../../runtime/formats/side-files.js";
import { library } from "../oracle/tiny-models.js";
import { inScratch } from "../support/scratch.js";

const folder = fileURLToPath(new URL("../oracle/vocabulary/pieces", import.meta.url));
const pretokenizers = must(pretokenizersOf(library));
const SPACE = "\u2581";
const original = JSON.parse(readFileSync(join(folder, "tokenizer.json"), "utf8"));

const edited = (change: Readonly<Record<string, unknown>>): readonly SideFile[] => [
  {
    name: "tokenizer.json",
    text: JSON.stringify({ ...original, post_processor: null, ...change }),
  },
];

/** The metadata that a tokenizer is written as, and the files that these are read as. */
const through = (side: readonly SideFile[]) =>
  inScratch(async (scratch) => {
    const path = join(scratch, "tokens.gguf");
    await writeGguf(path, tokenizerMetadata(side, {}, pretokenizers), []);
    const { metadata } = readGgufHeader(path);
    return { metadata, files: tokenizerFiles(metadata, pretokenizers, path) };
  });

const encoderOf = (files: readonly SideFile[]) => {
  const { encode } = tokenizerAmong(files, { bos_token_id: 1 }, "m");
  return (text: string) => [...encode(text)];
};

test("texts have the same tokens, and what is not known the same one", async () => {
  const side = edited({});
  const { metadata, files } = await through(side);
  const [before, after] = [encoderOf(side), encoderOf(files)];
  const random = fc.sample(fc.string({ unit: "grapheme", maxLength: 40 }), {
    numRuns: 50,
    seed: 1,
  });
  const texts = ["the state of the union", "We  choose to go, ünïcode 🙂 and\nlines", " x", "1984"];
  for (const text of [...texts, ...random]) expect(after(text), text).toEqual(before(text));
  expect(after("🙂")).toContain(0);
  expect(metadata.get("tokenizer.ggml.model")).toBe("t5");
  expect(metadata.get("tokenizer.ggml.unknown_token_id")).toBe(0);
  const types = metadata.get("tokenizer.ggml.token_type");
  expect(Array.isArray(types) ? types.slice(0, 4) : null).toEqual([2, 3, 3, 1]);
  const scores = metadata.get("tokenizer.ggml.scores");
  const wanted = original.model.vocab.map(([, score]: [string, number]) => Math.fround(score));
  expect(Array.isArray(scores) ? scores.map((score) => Math.fround(Number(score))) : null).toEqual(
    wanted,
  );
});

const mark = { type: "Metaspace", replacement: SPACE, prepend_scheme: "always", split: true };
const map = Buffer.from([3, 0, 200, 255]).toString("base64");
const sequence = (...normalizers: readonly object[]) => ({ type: "Sequence", normalizers });

test("what is done to a text before is said, and read back as it is done", async () => {
  const normalizer = sequence(
    { type: "Precompiled", precompiled_charsmap: map },
    { type: "Strip", strip_left: false, strip_right: true },
    { type: "Replace", pattern: { Regex: " {2,}" }, content: SPACE },
  );
  const { metadata, files } = await through(edited({ normalizer, pre_tokenizer: mark }));
  expect(metadata.get("tokenizer.ggml.precompiled_charsmap")).toEqual([3, 0, 200, 255]);
  expect(metadata.get("tokenizer.ggml.remove_extra_whitespaces")).toBe(true);
  expect(metadata.get("tokenizer.ggml.add_space_prefix")).toBe(true);
  expect(readSideJson(files, "tokenizer.json")?.normalizer).toEqual(
    sequence(
      { type: "Precompiled", precompiled_charsmap: map },
      { type: "Strip", strip_left: true, strip_right: true },
      { type: "Replace", pattern: { Regex: " {2,}" }, content: " " },
      { type: "Prepend", prepend: SPACE },
      { type: "Replace", pattern: { String: " " }, content: SPACE },
    ),
  );
});

test.each([
  [
    "pieces that fall back to bytes",
    { model: { ...original.model, byte_fallback: true } },
    /fall back to bytes/,
  ],
  ["no token for the unknown", { model: { ...original.model, unk_id: null } }, /does not know/],
  ["small letters only", { normalizer: sequence({ type: "Lowercase" }) }, /does more to a text/],
  ["words as they are", { pre_tokenizer: { type: "Whitespace" } }, /does more to a text/],
  [
    "spaces kept within and not around",
    { normalizer: sequence({ type: "Strip" }) },
    /does more to a text/,
  ],
])("a tokenizer with %s is refused", async (_what, change, message) => {
  expect(() => tokenizerMetadata(edited(change), {}, pretokenizers)).toThrow(message);
});
