/** Text and JSONL to windows, with a tokenizer of one token a letter. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DocumentSource } from "../../compiler/plan.js";
import { type Corpus, openCorpus } from "../../runtime/data/corpus.js";
import type { Encoder } from "../../runtime/formats/tokenizer.js";
import { inScratch } from "../support/scratch.js";

const START = 1;
const letters: Encoder = {
  start: START,
  encode: (text) => Uint32Array.from(text, (letter) => letter.codePointAt(0) ?? 0),
};
const source = (change: Partial<DocumentSource> = {}): DocumentSource => ({
  name: "words",
  kind: "text",
  glob: "texts/*",
  field: "text",
  documents: "joined",
  window: 2,
  take: null,
  ...change,
});

const withFiles = (
  files: Readonly<Record<string, string | Uint8Array>>,
  use: (folder: string) => Promise<void>,
): Promise<void> =>
  inScratch(async (folder) => {
    mkdirSync(join(folder, "texts"));
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(folder, "texts", name), text);
    await use(folder);
  });

const windowsOf = (corpus: Corpus): number[][] =>
  Array.from({ length: corpus.windows }, (_, index) => [...corpus.at(index)]);

const codes = (text: string): number[] =>
  [...text].map((letter) => (letter === "|" ? START : (letter.codePointAt(0) ?? 0)));

describe("a corpus", () => {
  test("is files by name, each begun by the start token, joined and cut", () =>
    withFiles({ b: "cd", B: "xy", a: "ab" }, async (folder) => {
      // |xy|ab|cd: capitals first in every locale.
      const corpus = await openCorpus(source(), folder, letters);
      expect(windowsOf(corpus)).toEqual(["|xy", "y|a", "ab|", "|cd"].map(codes));
      expect(corpus.files.map(({ path, bytes }) => [path, bytes])).toEqual([
        ["texts/B", 2],
        ["texts/a", 2],
        ["texts/b", 2],
      ]);
      // sha256 of "ab".
      expect(corpus.files[1]?.sha256).toBe(
        "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603",
      );
      expect(() => corpus.at(4)).toThrow(RangeError);
    }));

  test("windows are what they are by definition, for any texts and sizes", async () => {
    const texts = fc.array(fc.string({ unit: "grapheme-ascii", maxLength: 12 }), {
      minLength: 1,
      maxLength: 5,
    });
    const size = fc.integer({ min: 1, max: 9 });
    await inScratch((folder) =>
      fc.assert(
        fc.asyncProperty(
          texts,
          size,
          fc.option(size),
          fc.boolean(),
          async (list, window, take, lines) => {
            const name = lines ? "all.jsonl" : "x";
            const place = mkdtempSync(join(folder, "case-"));
            mkdirSync(join(place, "texts"), { recursive: true });
            if (lines)
              writeFileSync(
                join(place, "texts", name),
                list.map((text) => JSON.stringify({ text })).join("\n"),
              );
            else
              for (const [i, text] of list.entries())
                writeFileSync(join(place, "texts", `${name}${i}`), text);
            const stream = list.flatMap((text) => [START, ...letters.encode(text)]);
            const whole: number[][] = [];
            for (let at = 0; at + window < stream.length; at += window)
              whole.push(stream.slice(at, at + window + 1));
            const opening = openCorpus(
              source({ window, take, kind: lines ? "jsonl" : "text" }),
              place,
              letters,
            );
            if (whole.length < (take ?? 1)) await expect(opening).rejects.toThrow(/windows/);
            else {
              const corpus = await opening;
              expect(windowsOf(corpus)).toEqual(whole.slice(0, take ?? whole.length));
              corpus.close();
            }
          },
        ),
        { numRuns: 150 },
      ),
    );
  });

  test("holds tokens that need 32 bits", () =>
    withFiles({ a: "a😀b" }, async (folder) => {
      const corpus = await openCorpus(source({ window: 3 }), folder, letters);
      expect(windowsOf(corpus)).toEqual([codes("|a😀b")]);
    }));

  test("from an absolute glob, and through folders", () =>
    withFiles({}, async (folder) => {
      mkdirSync(join(folder, "texts/deep"));
      writeFileSync(join(folder, "texts/deep/a.txt"), "ab");
      const glob = join(folder, "texts/**/*.txt");
      const corpus = await openCorpus(source({ glob }), folder, letters);
      expect(corpus.files[0]?.path).toBe("texts/deep/a.txt");
    }));

  test("is in order of the whole path, however folders are walked", () =>
    withFiles({ b: "b" }, async (folder) => {
      for (const name of ["c", "a"]) {
        mkdirSync(join(folder, "texts", name));
        writeFileSync(join(folder, "texts", name, "x"), name);
      }
      const corpus = await openCorpus(source({ glob: "texts/**" }), folder, letters);
      expect(corpus.files.map(({ path }) => path)).toEqual(["texts/a/x", "texts/b", "texts/c/x"]);
    }));

  test("a byte order mark is no token", () =>
    withFiles({ a: "\ufeffab" }, async (folder) => {
      expect(windowsOf(await openCorpus(source(), folder, letters))).toEqual([codes("|ab")]);
    }));
});

describe("what cannot be read", () => {
  const fails = (
    files: Readonly<Record<string, string | Uint8Array>>,
    change: Partial<DocumentSource>,
    says: RegExp,
  ) =>
    withFiles(files, (folder) =>
      expect(openCorpus(source(change), folder, letters)).rejects.toThrow(says),
    );

  test("no file", () => fails({}, {}, /data words: no file matches texts\/\*/));
  test("too little text", () =>
    fails({ a: "a" }, {}, /data words has 0 windows of 2 tokens \(2 tokens/));
  test("less than it says", () =>
    fails({ a: "abcd" }, { take: 3 }, /has 2 windows .*, 3 asked for/));
  test("text that is none", () =>
    fails({ a: Uint8Array.of(0x61, 0xff) }, {}, /texts\/a is not UTF-8/));

  const good = '{"text": "ab"}';
  test.each([
    ["{", /texts\/a:2: not valid JSON/],
    ["[1]", /texts\/a:2: not an object/],
    ["null", /texts\/a:2: not an object/],
    ['"text"', /texts\/a:2: not an object/],
    ['{"text": 5}', /texts\/a:2: not an object with a "text"/],
    ['{"txt": "ab"}', /texts\/a:2: not an object with a "text"/],
    ['{"text": "ab"} {"text": "ab"}', /texts\/a:2: not valid JSON/],
  ])("a line of %s", (line, says) =>
    fails({ a: `${good}\n${line}\n${good}` }, { kind: "jsonl" }, says));

  test("a line that is no UTF-8", () =>
    fails(
      { a: Buffer.concat([Buffer.from(`${good}\n\n`), Uint8Array.of(0xff)]) },
      { kind: "jsonl" },
      /texts\/a:3 is not UTF-8/,
    ));

  test("a bad line after enough text is not looked at", () =>
    withFiles({ a: `${good}\r\n\n${good}\n{` }, async (folder) => {
      const corpus = await openCorpus(source({ kind: "jsonl", take: 2 }), folder, letters);
      expect(windowsOf(corpus)).toEqual(["|ab", "b|a"].map(codes));
    }));
});
