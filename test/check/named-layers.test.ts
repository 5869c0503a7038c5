/** Layers that a `prune` names: which stay is known before the run, with each one's own entries, and needs no scores. */
import { expect, test } from "vitest";
import { toJson } from "../../compiler/library/value.js";
import { alternating, checkText, models } from "./sotu.js";

const spec = (layers: string, using = " using merit"): string => `edition 1
use minitron
model teacher = open("models/alternating")
data speeches = text("data/sotu/train/*.txt") { window 512 }
score merit of teacher on speeches {
  take 16 windows
  hidden by activation
  layer by block_influence
}
prune student from teacher${using} {
  ${layers}
}
evaluate student on speeches { perplexity }
`;

const checked = (text: string) =>
  checkText(text, {}, { models: { ...models, "models/alternating": alternating } });

test("a model whose layers differ is compiled with the entries of those that stay", () => {
  const byScores = checked(spec("layer 6 -> 4")).diagnostics;
  expect(byScores.map(({ code }) => code)).toEqual(["layers-undecided"]);

  const { recipe, diagnostics } = checked(spec("hidden 128 -> 96\n  layer 6 -> [0, 2..3, 5]"));
  expect(diagnostics).toEqual([]);
  const [cut] = recipe?.steps.flatMap((step) => (step.kind === "prune" ? [step.cuts] : [])) ?? [];
  expect(cut).toEqual([
    { axis: "hidden", from: 128, keep: 96 },
    { axis: "layer", from: 6, keep: 4, units: [0, 2, 3, 5] },
  ]);
  const shape = recipe?.models.get("student")?.shape;
  const types = shape?.layerLists.get("layer_types")?.map(toJson);
  expect(types).toEqual([
    "sliding_attention",
    "sliding_attention",
    "full_attention",
    "full_attention",
  ]);
  expect(shape?.config.layer_types).toEqual(types);
});

test("scores are needed for what is not named alone", () => {
  const { recipe, diagnostics } = checked(spec("layer -> [0..3]", ""));
  expect(diagnostics).toEqual([]);
  const [prune] = recipe?.steps.filter((step) => step.kind === "prune") ?? [];
  expect(prune).toMatchObject({ scores: null });

  for (const lines of ["layer -> [0..3]\n  hidden -> 96", "layer 6 -> 4", "layer -> [0..5]"])
    expect(checked(spec(lines, "")).diagnostics.map(({ code }) => code)).toContain(
      "missing-clause",
    );
});
