/** docs/extending.md: each definition on it is read, and the spec after it checks with it. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { parse } from "../../grammar/parse.js";
import { format } from "../../grammar/print.js";
import { models } from "../check/sotu.js";
import { memoryHost } from "../support/memory-host.js";

const page = readFileSync(new URL("../../docs/extending.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/^```prune\n(.*?)^```$/gms)].map(([, text = ""]) => text);
const pairs = examples.flatMap((spec, at) => {
  const [, file] = /^use "\.\/(.*?)"/m.exec(spec) ?? [];
  return file === undefined ? [] : [[file, examples[at - 1] ?? "", spec] as const];
});

const parallel = {
  architectures: ["ParallelForCausalLM"],
  num_hidden_layers: 3,
  hidden_size: 64,
  num_attention_heads: 4,
  vocab_size: 2048,
};

test("every example belongs to a pair of definitions and a spec", () => {
  expect(pairs.map(([file]) => file)).toEqual(["losses.prune", "criteria.prune", "parallel.prune"]);
  expect(examples).toHaveLength(6);
});

test.each(pairs)("%s and its spec", (file, definitions, spec) => {
  const bare = (source: string): string => source.replaceAll(/\s+/g, "");
  for (const text of [definitions, spec]) {
    const { file: tree, diagnostics } = parse(file, text);
    expect(diagnostics).toEqual([]);
    expect(bare(format(tree))).toBe(bare(text));
  }
  const host = memoryHost({
    models: { ...models, "models/parallel": parallel },
    texts: { [file]: definitions },
  });
  const { recipe, diagnostics } = check("spec.prune", spec, host);
  expect(diagnostics).toEqual([]);
  expect(recipe?.steps.some(({ kind }) => kind === "prune")).toBe(true);
});
