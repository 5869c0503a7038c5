/** The example as a whole, and specs with several mistakes. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { brief, checkText, config, edited, example } from "./sotu.js";

test("the example checks without a word", () => {
  const { diagnostics, recipe } = checkText(example);
  expect(diagnostics).toEqual([]);
  expect(recipe?.steps.map((step) => step.kind)).toEqual([
    "open",
    "score",
    "prune",
    "distill",
    "evaluate",
    "expect",
    "export",
  ]);
});

test("the README's spec checks without a word, beside the example's models and texts", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const spec = /^```prune\n(.*?)^```$/ms.exec(readme)?.[1] ?? "";
  const { diagnostics, recipe } = checkText(spec);
  expect(diagnostics).toEqual([]);
  expect(recipe?.steps.at(-1)?.kind).toBe("export");
});

test("sizes, steps and sources of the example", () => {
  const { recipe } = checkText(example);
  const size = (model: string, axis: string) =>
    recipe?.models.get(model)?.shape.axes.find(({ name }) => name === axis)?.size;
  expect([size("teacher", "hidden"), size("student", "hidden"), size("healed", "mlp")]).toEqual([
    128, 96, 256,
  ]);
  // 40 thousand tokens in steps of 2 windows of 256, rounded up.
  expect(recipe?.steps.find((step) => step.kind === "distill")).toMatchObject({
    steps: 79,
    windows: 2,
    teacher: "teacher",
    student: "student",
    optimizer: { beta: [0.9, 0.95], epsilon: 1e-8, decay: 0, noDecay: [], clip: 1 },
    checkpointEvery: 50,
  });
  expect(recipe?.steps.find((step) => step.kind === "prune")).toMatchObject({
    cuts: [
      { axis: "hidden", from: 128, keep: 96 },
      { axis: "mlp", from: 384, keep: 256 },
    ],
  });
  expect(recipe?.steps.find((step) => step.kind === "export")).toMatchObject({ dtype: "bf16" });
  expect(Object.keys(recipe?.sources() ?? {})).toEqual(
    expect.arrayContaining(["sotu-half.prune", "models/sotu-1m/config.json"]),
  );
});

test("the declared parameter count is the sum of the weights", () => {
  const { recipe } = checkText(example);
  const { hidden_size: h, intermediate_size: m, vocab_size: v, num_hidden_layers: l } = config;
  const attention = (2 * 8 + 2 * 4) * 16 * h;
  const count = v * h + h + l * (attention + 3 * m * h + 2 * h);
  expect(recipe?.models.get("teacher")?.shape.parameters).toBe(count);
});

test("a spec with three mistakes reports exactly three, in order", () => {
  const text = edited([
    ["hidden 128 -> 96 ", "hidden 120 -> 96 "],
    ["40K tokens", "8B params"],
    ["query by activation", "heads by activation"],
  ]);
  expect(brief(text, checkText(text))).toEqual([
    "15:16 unknown-axis",
    "20:10 size-mismatch",
    "26:13 unit-mismatch",
  ]);
});

test("an unknown name is reported once, however often it is used", () => {
  const text = edited([["model teacher", "model master"]]);
  expect(brief(text, checkText(text))).toEqual(["13:16 unknown-name"]);
});

test("a broken teacher does not hide the mistakes of later stages", () => {
  const text = edited([
    ["models/sotu-1m", "models/none"],
    ["40K tokens", "40K bananas"],
    ["dtype  bf16", "dtype  bf17"],
  ]);
  expect(brief(text, checkText(text))).toEqual([
    "5:22 model-unreadable",
    "26:17 unknown-unit",
    "41:10 setting-choice",
  ]);
});

test("nothing cut is a pruning too", () => {
  const text = edited([
    ["  hidden 128 -> 96 ", "  hidden 128 -> 128 "],
    ["  mlp    384 -> 256\n", ""],
    ["  params(healed) <= 60% of params(teacher)\n", ""],
  ]);
  const { diagnostics, recipe } = checkText(text);
  expect(diagnostics).toEqual([]);
  expect(recipe?.steps.find((step) => step.kind === "prune")).toMatchObject({ cuts: [] });
});

test("percentages round down to whole units", () => {
  const text = edited([["  mlp    384 -> 256\n", "  mlp -> 66%\n"]]);
  const { diagnostics, recipe } = checkText(text);
  expect(diagnostics).toEqual([]);
  expect(recipe?.steps.find((step) => step.kind === "prune")).toMatchObject({
    cuts: [{ axis: "hidden" }, { axis: "mlp", from: 384, keep: 253 }],
  });
});

test("whatever line is missing, the check says so and never throws", () => {
  const lines = example.split("\n");
  for (const index of lines.keys()) {
    const text = lines.filter((_line, at) => at !== index).join("\n");
    expect(() => checkText(text)).not.toThrow();
  }
});

test("every tapped axis can be judged by its weights too, those that carry no other among them", () => {
  const { diagnostics, recipe } = checkText(
    edited([["by activation(batch: l2, position: mean)", "by magnitude"]]),
  );
  expect(diagnostics).toEqual([]);
  const score = recipe?.steps.find((step) => step.kind === "score");
  expect(score?.entries.map(({ axis, criterion }) => [axis, criterion.text])).toEqual([
    ["hidden", "magnitude"],
    ["mlp", "magnitude"],
    ["query", "magnitude"],
    ["layer", "block_influence"],
  ]);
});
