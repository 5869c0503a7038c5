/** Documents cut apart, mixtures, Parquet, and tokens that wait on disk. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import type { DocumentSource } from "../../compiler/plan.js";
import { type Corpus, openCorpora, openCorpus } from "../../runtime/data/corpus.js";
import { placesOf } from "../../runtime/data/mix.js";
import { parquetRows } from "../../runtime/data/parquet.js";
import { openTokenStore } from "../../runtime/data/token-store.js";
import type { Encoder } from "../../runtime/formats/tokenizer.js";
import { models } from "../check/sotu.js";
import { memoryHost } from "../support/memory-host.js";
import { inScratch } from "../support/scratch.js";

const START = 1;
const letters: Encoder = {
  start: START,
  encode: (text) => Uint32Array.from(text, (letter) => letter.codePointAt(0) ?? 0),
};
const base: DocumentSource = {
  name: "words",
  kind: "text",
  glob: "texts/*",
  field: "text",
  documents: "joined",
  window: 2,
  take: null,
};
const shown = (corpus: Corpus): string[] =>
  Array.from({ length: corpus.windows }, (_, index) =>
    String.fromCodePoint(...corpus.at(index)).replaceAll("\u0001", "|"),
  );

const withTexts = (
  files: Readonly<Record<string, string>>,
  use: (folder: string) => Promise<void>,
): Promise<void> =>
  inScratch(async (folder) => {
    mkdirSync(join(folder, "texts"));
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(folder, "texts", name), text);
    await use(folder);
  });

describe("documents apart", () => {
  test("are never in one window; their rests are left out", () =>
    withTexts({ a: "abcde", b: "x", c: "123" }, async (folder) => {
      const corpus = await openCorpus({ ...base, documents: "apart" }, folder, letters);
      // |abcde, |x and |123
      expect(shown(corpus)).toEqual(["|ab", "bcd", "|12"]);
      expect(() => corpus.at(3)).toThrow(RangeError);
      corpus.close();
    }));

  test("are read no further than is taken", () =>
    withTexts({ a: "abcde", b: "\ud800" }, async (folder) => {
      writeFileSync(join(folder, "texts/b"), Uint8Array.of(0xff));
      const corpus = await openCorpus({ ...base, documents: "apart", take: 2 }, folder, letters);
      expect(shown(corpus)).toEqual(["|ab", "bcd"]);
      corpus.close();
    }));
});

describe("a mixture", () => {
  const sources = [
    { ...base, name: "few", glob: "texts/few" },
    { ...base, name: "many", glob: "texts/many" },
  ];
  const files = { few: "abcdef", many: "0123456789" };

  test("takes windows of its parts by weight, until one has no more", () =>
    withTexts(files, async (folder) => {
      const parts = [
        { data: "few", weight: 1 },
        { data: "many", weight: 2 },
      ];
      const mix = { name: "both", kind: "mix", window: 2, take: null, parts } as const;
      const corpora = await openCorpora([...sources, mix], folder, letters);
      const both = corpora.get("both");
      expect(both === undefined ? [] : shown(both)).toEqual([
        ...["|01", "|ab", "123", "345", "bcd", "567", "789"],
        ...["def"],
      ]);
      for (const corpus of corpora.values()) corpus.close();
    }));

  test("of less than is asked for is an error", () =>
    withTexts(files, async (folder) => {
      const parts = [{ data: "few", weight: 1 }];
      const mix = { name: "both", kind: "mix", window: 2, take: 9, parts } as const;
      await expect(openCorpora([...sources, mix], folder, letters)).rejects.toThrow(
        "data both has 3 windows at its weights, 9 asked for",
      );
    }));

  test("keeps its proportion within one window all along, and repeats nothing", () => {
    const weight = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(fc.array(weight, { minLength: 1, maxLength: 4 }), fc.nat(80), (weights, most) => {
        const counts = weights.map(() => 50);
        const places = placesOf(weights, counts, most);
        const whole = weights.reduce((a, b) => a + b, 0);
        const seen = new Set(places.map(({ part, index }) => `${part} ${index}`));
        expect(seen.size).toBe(places.length);
        for (const [part, own] of weights.entries())
          for (let n = 1; n <= places.length; n++) {
            const used = places.slice(0, n).filter((place) => place.part === part).length;
            expect(Math.abs(used - (own / whole) * n)).toBeLessThan(weights.length);
          }
      }),
      { numRuns: 60 },
    );
  });
});

describe("Parquet", () => {
  const folder = resolve(import.meta.dirname, "../oracle/parquet");
  const expected = (row: number): string =>
    `Text ${row}: ${"é".repeat(row % 3)} and ${"more ".repeat(row % 5)}`;

  test.each(["none", "snappy", "gzip", "zstd", "brotli", "lz4"])("packed by %s", async (name) => {
    const rows: unknown[] = [];
    const file = { file: join(folder, `${name}.parquet`), shown: name };
    for await (const row of parquetRows(file, ["text", "choices"])) rows.push(row);
    expect(rows).toEqual(
      Array.from({ length: 60 }, (_, row) => ({
        text: expected(row),
        choices: [`c${row}`, `d${row}`],
      })),
    );
  });

  test("is a corpus of the texts of a column", async () => {
    const parquet = { ...base, kind: "parquet", window: 5 } as const;
    const corpus = await openCorpus({ ...parquet, glob: "zstd.parquet" }, folder, letters);
    const stream = Array.from({ length: 60 }, (_, row) => `|${expected(row)}`).join("");
    const windows = Math.floor((stream.length - 1) / 5);
    expect(shown(corpus)).toEqual(
      Array.from({ length: windows }, (_, at) => stream.slice(at * 5, at * 5 + 6)),
    );
    corpus.close();
  });

  test.each([
    ["without the column", { field: "body" }, /zstd\.parquet has no column "body"/],
    ["with a row without a text", { field: "missing" }, /row 8 has no text as its "missing"/],
    ["with numbers as texts", { field: "id" }, /row 1 has no text as its "id"/],
  ])("%s is refused", (_what, change, says) =>
    expect(
      openCorpus({ ...base, kind: "parquet", glob: "zstd.parquet", ...change }, folder, letters),
    ).rejects.toThrow(says));

  test("cut anywhere, or with any byte changed, is read or refused in one line", async () => {
    const whole = readFileSync(join(folder, "snappy.parquet"));
    await inScratch((scratch) =>
      fc.assert(
        fc.asyncProperty(
          fc.nat(whole.length - 1),
          fc.integer({ min: -1, max: 255 }),
          async (at, byte) => {
            const file = join(scratch, "hostile.parquet");
            const bytes = byte < 0 ? whole.subarray(0, at) : new Uint8Array(whole);
            if (byte >= 0) bytes[at] = byte;
            writeFileSync(file, bytes);
            try {
              for await (const row of parquetRows({ file, shown: "FILE" }, ["text"]))
                expect(row).toBeTypeOf("object");
            } catch (error) {
              expect(error).toHaveProperty("name", "RunError");
              expect(String(error)).toMatch(/^RunError: FILE [^\n]*$/);
            }
          },
        ),
        { numRuns: 120 },
      ),
    );
  });
});

describe("tokens on disk", () => {
  test("are read as they were written, in pieces of any size", async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 300_000 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(sizes, async (lengths) => {
        const store = await openTokenStore();
        const whole: number[] = [];
        for (const length of lengths) {
          const part = Uint32Array.from({ length }, (_, at) => (at * 2654435761 + length) >>> 0);
          store.append(part);
          for (const token of part) whole.push(token);
        }
        expect(store.length()).toBe(whole.length);
        const from = Math.floor(whole.length / 3);
        expect([...store.read(from, whole.length - from)]).toEqual(whole.slice(from));
        expect(() => store.read(whole.length, 1)).toThrow(RangeError);
        store.close();
      }),
      { numRuns: 8 },
    );
  });

  test("leave nothing behind", () =>
    inScratch(async (folder) => {
      const before = process.env.XDG_CACHE_HOME;
      process.env.XDG_CACHE_HOME = folder;
      try {
        const store = await openTokenStore();
        store.append(Uint32Array.of(1, 2, 3));
        expect([...store.read(1, 2)]).toEqual([2, 3]);
        store.close();
        expect(readdirSync(join(folder, "espalier"))).toEqual([]);
      } finally {
        if (before === undefined) delete process.env.XDG_CACHE_HOME;
        else process.env.XDG_CACHE_HOME = before;
      }
    }));
});

describe("a spec's mistakes in its data", () => {
  const HEAD = 'edition 1\nmodel m = open("models/sotu-1m")\n';
  const PARTS =
    'data a = text("a/*") { window 8 }\ndata b = parquet("b/*") {\n  window 8\n  field "body"\n  documents apart\n}\n';
  const read = (text: string) =>
    check("spec.prune", `${HEAD}${PARTS}${text}`, memoryHost({ models }));

  test("there are none in parts and a mixture of them", () => {
    const { diagnostics, recipe } = read("data c = mix(a: 75%, b: 25%) { take 40 windows }\n");
    expect(diagnostics).toEqual([]);
    expect(recipe?.data.get("b")).toMatchObject({
      kind: "parquet",
      field: "body",
      documents: "apart",
    });
    expect(recipe?.data.get("c")).toEqual({
      name: "c",
      kind: "mix",
      window: 8,
      take: 40,
      parts: [
        { data: "a", weight: 0.75 },
        { data: "b", weight: 0.25 },
      ],
    });
  });

  test.each([
    ["an unknown part", "data c = mix(a: 1, d: 1)", "unknown-name"],
    ["a weight of 0", "data c = mix(a: 1, b: 0)", "value-range"],
    ["a weight in tokens", "data c = mix(a: 1, b: 5 tokens)", "value-range"],
    ["parts without names", "data c = mix(a)", "setting-form"],
    ["no parts", "data c = mix()", "setting-form"],
    ["a window of its own", "data c = mix(a: 1) { window 8 }", "unknown-setting"],
    [
      "windows that differ",
      'data d = text("d") { window 9 }\ndata c = mix(a: 1, d: 1)',
      "value-range",
    ],
    ["a field that is no text", 'data c = jsonl("c") {\n  window 8\n  field 5\n}', "setting-form"],
    [
      "documents together",
      'data c = text("c") {\n  window 8\n  documents together\n}',
      "setting-choice",
    ],
  ])("%s", (_what, text, code) => {
    expect(read(`${text}\n`).diagnostics.map((diagnostic) => diagnostic.code)).toEqual([code]);
  });
});
