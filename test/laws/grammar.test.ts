/** Laws of the grammar: formatting changes white space alone, comments stay, and no text makes the parser throw. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mangled, soup, source } from "../support/arbitraries/source.js";
import { treeOf } from "../support/print-tree.js";
import { type Mutation, mutant, type Product } from "./mutant.js";
import * as product from "./product.js";

type Law = (product: Product) => void;

/** Sources that broke a law before. */
const BROKEN: [string][] = [
  ['architecture x for "" { /// on the block\n\n\naxis x = x[-> /// on the arrow\nx.x]\n}\n'],
];
const RUNS = { numRuns: 300, examples: BROKEN };

const tree = ({ parse }: Product, text: string) => {
  const { file, diagnostics } = parse("case.prune", text);
  expect(diagnostics).toEqual([]);
  return treeOf(file.declarations);
};

/** The text of each comment; a disabled line is none, as its white space may change. */
const commentsOf = ({ parse }: Product, text: string): string[] =>
  parse("case.prune", text)
    .file.comments.map((comment) => comment.text.trimEnd())
    .filter((comment) => comment.startsWith("//"));

const sameTree: Law = (of) =>
  fc.assert(
    fc.property(source, (text) => {
      expect(tree(of, of.format({ text }))).toEqual(tree(of, text));
    }),
    RUNS,
  );

const idempotent: Law = (of) =>
  fc.assert(
    fc.property(source, (text) => {
      const formatted = of.format({ text });
      expect(of.format({ text: formatted })).toBe(formatted);
    }),
    RUNS,
  );

const comments: Law = (of) =>
  fc.assert(
    fc.property(source, (text) => {
      const kept = commentsOf(of, of.format({ text }));
      expect(kept).toEqual(commentsOf(of, text));
    }),
    RUNS,
  );

/** Whatever the text: no throw, and every place lies in it. */
const answers =
  (texts: fc.Arbitrary<string>): Law =>
  ({ parse }) =>
    fc.assert(
      fc.property(texts, (text) => {
        const { file, diagnostics } = parse("case.prune", text);
        expect(file.text).toBe(text);
        for (const { span } of [...diagnostics, ...file.declarations, ...file.comments]) {
          expect(span.start).toBeGreaterThanOrEqual(0);
          expect(span.end).toBeGreaterThanOrEqual(span.start);
          expect(span.end).toBeLessThanOrEqual(text.length);
        }
      }),
      { numRuns: 1000 },
    );

const LAWS: readonly (readonly [string, Law, Mutation])[] = [
  [
    "formatting keeps the tree",
    sameTree,
    {
      file: "grammar/print.ts",
      find: "if (left === t.Dot || right === t.Dot) return !touched;",
      replace: "if (left === t.Dot || right === t.Dot) return false;",
    },
  ],
  [
    "formatting what is formatted changes nothing",
    idempotent,
    { file: "grammar/print.ts", find: "newlines > 1 &&", replace: "newlines > 2 &&" },
  ],
  [
    "no comment is lost",
    comments,
    {
      file: "grammar/print.ts",
      find: "last.comment = piece.text;",
      replace: 'last.comment = "";',
    },
  ],
  [
    "any characters get an answer",
    answers(soup),
    {
      file: "grammar/reader.ts",
      find: "if (error instanceof Passed) return null;",
      replace: "if (error instanceof TypeError) return null;",
    },
  ],
  [
    "mangled sources get an answer",
    answers(mangled),
    {
      file: "grammar/reader.ts",
      find: "const span = token === undefined ?",
      replace: "const span = token === null ?",
    },
  ],
];

describe.each(LAWS)("%s", (_name, law, mutation) => {
  test("law", () => {
    law(product);
  });

  test("its mutant breaks it", async () => {
    const broken = await mutant(mutation);
    expect(() => law(broken)).toThrow(/Property failed/);
  });
});
