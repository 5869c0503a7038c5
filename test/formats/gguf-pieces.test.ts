/** A tokenizer of SentencePiece's pieces written to GGUF: its scores join them as its merges do. */
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
import { type SideFile, sideFiles } from "../../runtime/formats/side-files.js";
import { library } from "../oracle/tiny-models.js";
import { inScratch } from "../support/scratch.js";

const folder = fileURLToPath(new URL("../oracle/vocabulary/piece-pairs", import.meta.url));
const pretokenizers = must(pretokenizersOf(library));
const TEXTS = [
  "the state of the union",
  "We  choose to go, ünïcode 🙂 and\nlines",
  "",
  " x",
  "1984",
];

/** The metadata that a tokenizer is written as, and the files that these are read as. */
const through = (side: readonly SideFile[]) =>
  inScratch(async (scratch) => {
    const path = join(scratch, "tokens.gguf");
    await writeGguf(path, tokenizerMetadata(side, {}, pretokenizers), []);
    const { metadata } = readGgufHeader(path);
    return { metadata, files: tokenizerFiles(metadata, pretokenizers, path) };
  });

const edited = (change: (definition: Record<string, unknown>) => object): readonly SideFile[] =>
  sideFiles(folder).map((file) =>
    file.name === "tokenizer.json" && "path" in file
      ? {
          name: file.name,
          text: JSON.stringify(change(JSON.parse(readFileSync(file.path, "utf8")))),
        }
      : file,
  );

test("texts have the same tokens, and these say what they are", async () => {
  // GGUF says here what begins a text, and not what ends it.
  const side = edited((definition) => ({ ...definition, post_processor: null }));
  const { metadata, files } = await through(side);
  const [before, after] = [side, files].map((own) => tokenizerAmong(own, { bos_token_id: 1 }, "m"));
  const random = fc.sample(fc.string({ unit: "grapheme", maxLength: 40 }), {
    numRuns: 50,
    seed: 1,
  });
  for (const text of [...TEXTS, ...random])
    expect(Array.from(after?.prompt(text) ?? []), text).toEqual(
      Array.from(before?.prompt(text) ?? []),
    );
  const tokens = metadata.get("tokenizer.ggml.tokens");
  const types = metadata.get("tokenizer.ggml.token_type");
  if (!Array.isArray(tokens) || !Array.isArray(types)) throw new Error("no tokens");
  expect(metadata.get("tokenizer.ggml.model")).toBe("llama");
  expect(["<unk>", "<s>", "<0x0A>", "e"].map((token) => types[tokens.indexOf(token)])).toEqual([
    2, 3, 6, 1,
  ]);
  expect(metadata.get("tokenizer.ggml.add_space_prefix")).toBe(true);
  expect(metadata.has("tokenizer.ggml.merges")).toBe(false);
});

test("whether a mark stands before a text is said, however the tokenizer says it", async () => {
  const mark = { type: "Metaspace", replacement: "\u2581", split: false };
  const replace = { type: "Replace", pattern: { String: " " }, content: "\u2581" };
  const cases = [
    [{ normalizer: replace, pre_tokenizer: null }, false],
    [{ normalizer: null, pre_tokenizer: { ...mark, prepend_scheme: "never" } }, false],
    [{ normalizer: null, pre_tokenizer: { ...mark, prepend_scheme: "first" } }, true],
  ] as const;
  for (const [parts, says] of cases) {
    const { metadata } = await through(edited((definition) => ({ ...definition, ...parts })));
    expect(metadata.get("tokenizer.ggml.add_space_prefix"), JSON.stringify(parts)).toBe(says);
  }
});
