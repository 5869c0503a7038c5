/** docs/language.md: its examples are read, whole files are checked, and nothing of the language is left out. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { builtins } from "../../compiler/library/builtins.js";
import { SETTINGS } from "../../compiler/recipe/settings.js";
import { unitNames } from "../../compiler/recipe/units.js";
import { parse } from "../../grammar/parse.js";
import { format } from "../../grammar/print.js";
import { models } from "../check/sotu.js";
import { memoryHost, stdlibTexts } from "../support/memory-host.js";

const page = readFileSync(new URL("../../docs/language.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/^```prune\n(.*?)^```$/gms)].map(([, text = ""]) => text);
const recipes = examples.filter((text) => /^(model|param) /m.test(text));
const libraries = examples.filter((text) => !recipes.includes(text));

const codes = (text: string): string[] =>
  check("page.prune", text, memoryHost({ models })).diagnostics.map(({ code }) => code);

test("there are recipes and libraries among the examples", () => {
  expect([recipes.length, libraries.length]).toEqual([11, 3]);
});

describe.each(examples.map((text, at) => [at, text] as const))("example %i", (_at, text) => {
  test("is read without a word", () => {
    expect(parse("page.prune", text).diagnostics).toEqual([]);
  });

  test("stands as the formatter writes it, but for spaces and short blocks", () => {
    const bare = (source: string): string => source.replaceAll(/\s+/g, "");
    const { file } = parse("page.prune", text);
    expect(bare(format(file))).toBe(bare(text));
  });
});

test.each(recipes)("recipe %# checks", (text) => {
  expect(codes(text)).toEqual([]);
});

const USES_LIBRARY = `edition 1
use "./page.prune"
model teacher = open("models/sotu-1m")
data speeches = text("data/*.txt") { window 256 }
score merit of teacher on speeches { hidden by peak }
prune student from teacher using merit { hidden 128 -> 96 }
distill healed = student from teacher on speeches {
  loss logits_mse()
  stop 10 steps
  batch 1 windows
  rate fade(1e-3)
}
evaluate healed on speeches { bits }
`;

const USES_ARCHITECTURE = `edition 1
use "./page.prune"
model small = open("models/tiny")
data texts = text("data/*.txt") { window 16 }
score merit of small on texts {
  hidden, mlp by activation()
  layer by block_influence
}
prune smaller from small using merit {
  mlp -> 50%
  layer 3 -> 2
}
`;

const tiny = { architectures: ["TinyForCausalLM"], num_layers: 3, hidden_size: 8, vocab_size: 32 };

test.each([
  ["definitions", USES_LIBRARY, libraries[0]],
  ["an architecture", USES_ARCHITECTURE, libraries[1]],
])("the library of %s does in a spec what the page says", (_what, spec, library = "") => {
  const host = memoryHost({
    models: { ...models, "models/tiny": tiny },
    texts: { "page.prune": library },
  });
  const { diagnostics, recipe } = check("spec.prune", spec, host);
  expect(diagnostics).toEqual([]);
  expect(recipe?.steps.map(({ kind }) => kind)).toContain("prune");
});

const mentioned = (name: string): boolean =>
  [...page.matchAll(/`([^`\n]+)`/g)].some(([, code = ""]) =>
    code.split(/[^A-Za-z0-9_%]+/).includes(name),
  );

test("every builtin, unit and setting is on the page", () => {
  const settings = Object.values(SETTINGS).flatMap((stage) => Object.keys(stage));
  const names = [...builtins, ...unitNames, ...settings];
  expect(names.length).toBeGreaterThan(40);
  expect(names.filter((name) => !mentioned(name))).toEqual([]);
});

test("everything that the standard library defines for recipes is on the page", () => {
  const files = [...stdlibTexts().values()];
  const defined = files.flatMap((text) =>
    [...text.matchAll(/^(?:criterion|loss|metric|schedule|fold) (\w+)/gm)].map(
      ([, name = ""]) => name,
    ),
  );
  expect(defined.length).toBeGreaterThan(8);
  expect(defined.filter((name) => !mentioned(name))).toEqual([]);
});

test("every function that the standard library shares is in the table, with its parameters, and no other", () => {
  const shared = [...stdlibTexts()].flatMap(([path, text]) => {
    const declarations = parse(path, text).file.declarations.filter(
      ({ kind }) => kind !== "edition",
    );
    const functions = declarations.filter(
      (decl) => decl.kind === "definition" && decl.keyword === "function",
    );
    return functions.length < declarations.length
      ? []
      : functions
          .filter((decl) => decl.kind === "definition" && !decl.isPrivate)
          .map(({ span }) => {
            const [, head = ""] = /^function ([^)]*\))/.exec(text.slice(span.start)) ?? [];
            return head;
          });
  });
  const [, table = ""] = page.split("| function | what it gives |\n");
  const rows = table.split("\n\n")[0]?.matchAll(/^ *\| `([^`]+)` \| \S.* \|$/gm) ?? [];
  expect(shared).toContain("softmax[axis](x)");
  expect([...rows].map(([, head]) => head).sort()).toEqual([...shared].sort());
});
