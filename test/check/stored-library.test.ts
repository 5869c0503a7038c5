/** The library as it is built, its trees read when they are asked for, is the library as it is written. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { loadLibrary } from "../../compiler/library/load.js";
import type { Recipe } from "../../compiler/recipe/recipe.js";
import type { SourceFile } from "../../grammar/ast.js";
import { fileHost } from "../../runtime/cli/host.js";
import { libraryStored, parseLibrary, storedLibrary } from "../../runtime/cli/stdlib.js";
import { examples } from "../oracle/example.js";

const root = join(import.meta.dirname, "../..");
const whole = parseLibrary(join(root, "stdlib"));
const stored = Buffer.from(storedLibrary(whole));
const files = [...whole.values()].map(({ file }) => file);

test("what was built is of the files as they are now", () => {
  expect(readFileSync(join(root, "dist/stdlib.jsonl"), "utf8")).toBe(stored.toString());
});

test("every file is what it was parsed to", () => {
  expect(libraryStored(stored)).toStrictEqual(whole);
});

const filesOf = (kept: Buffer) => [...libraryStored(kept).values()].map(({ file }) => file);

test("every name leads to what it led to", () => {
  expect(loadLibrary(filesOf(stored))).toStrictEqual(loadLibrary(files));
});

/** How many lines a file has: of its comments, and of what each declaration says that says more than its head. */
const linesOf = ({ declarations }: SourceFile): number =>
  1 +
  declarations.filter(({ kind }) => ["architecture", "definition", "pretokenizer"].includes(kind))
    .length;

/** Kept, but with the lines of some files gone. */
const without = (gone: (path: string) => boolean): Buffer => {
  const [outlines = "", ...lines] = stored.toString().trimEnd().split("\n");
  const left = files.flatMap((file) => {
    const own = lines.splice(0, linesOf(file));
    return gone(file.path) ? own.map(() => "no tree") : own;
  });
  expect(lines).toEqual([]);
  return Buffer.from(`${[outlines, ...left].join("\n")}\n`);
};

test("names and classes need no tree, what a definition says needs its own file's", () => {
  const { library } = loadLibrary(filesOf(without((path) => path !== "stdlib/losses/kld.prune")));
  const classes = [...library.architectures.values()].map(({ decl }) => decl.classes[0]?.value);
  expect(classes).toContain("LlamaForCausalLM");
  expect(library.definitions.loss.get("kld")?.decl.body.result).not.toBeNull();
  expect(() => library.definitions.loss.get("mse")?.decl.body).toThrow(SyntaxError);
});

/** What a recipe says, with the places of what it refers to. */
const recipeText = (recipe: Recipe | null): string =>
  JSON.stringify(recipe, (key, value: unknown) => {
    if (key === "library") return undefined;
    if (typeof value === "object" && value !== null) {
      if (key === "file" && "path" in value) return value.path;
      if (key === "decl" && "span" in value) return value.span;
    }
    return value instanceof Map || value instanceof Set ? [...value] : value;
  });

/** Checks a spec of the examples by a library. */
const checked = (path: string, text: string, library: Buffer | null) =>
  check(path, text, {
    ...fileHost(dirname(path)),
    stdlib: () => (library === null ? whole : libraryStored(library)),
  });

const example = join(examples, "sotu-half.prune");
const exampleText = readFileSync(example, "utf8");

test("the example asks for no other architecture's tree", () => {
  const needed = without((path) => /architectures\/(?!llama\.)/.test(path));
  expect(checked(example, exampleText, needed).recipe).not.toBeNull();
});

const specs = readdirSync(examples, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".prune"))
  .map((path) => path.replaceAll("\\", "/"));

describe.each(specs)("%s", (spec) => {
  const path = join(examples, spec);
  const text = readFileSync(path, "utf8");

  test("is the same recipe, or wrong in the same places", () => {
    const [lazy, eager] = [checked(path, text, stored), checked(path, text, null)];
    expect(lazy.diagnostics).toEqual(eager.diagnostics);
    expect(lazy.sources).toEqual(eager.sources);
    expect(recipeText(lazy.recipe)).toBe(recipeText(eager.recipe));
  });
});

const words = [...exampleText.matchAll(/[a-z_]{3,}/g)];

property.prop([fc.nat(words.length - 1), fc.constantFrom("s", "x", "kldd", "llama", "rope")], {
  numRuns: 12,
})("with another word in the example, the same is said", (at, more) => {
  const word = words[at];
  const start = word?.index ?? 0;
  const end = start + (word?.[0].length ?? 0);
  const text = `${exampleText.slice(0, end)}${more}${exampleText.slice(end)}`;
  const { diagnostics } = checked(example, text, stored);
  expect(diagnostics).toEqual(checked(example, text, null).diagnostics);
});

test("a name of the library that a spec gives again is a duplicate of the library's", () => {
  const text = `${exampleText}\nloss kld(temperature = 1) = sum[vocab](teacher.logits)\n`;
  const { diagnostics } = checked(example, text, stored);
  expect(diagnostics).toEqual(checked(example, text, null).diagnostics);
  expect(diagnostics.map(({ code }) => code)).toContain("duplicate-definition");
});
