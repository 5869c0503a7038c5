/**
 * The counted parameters are the real ones: what a model declares, what its plan says and what `params(…)` is worth in a spec
 * is the number of numbers in the exported file.
 */
import { expect } from "vitest";
import type { Cut } from "../../compiler/plan-prune.js";
import { type ModelCase, modelCase } from "../support/arbitraries/model.js";
import { architectureOf } from "../support/architectures.js";
import { memoryHost } from "../support/memory-host.js";
import { always, law, productLaw } from "./law.js";
import type { Product } from "./mutant.js";
import { drawnModel } from "./subjects.js";

productLaw("parameters", [
  {
    file: "compiler/library/parameters.ts",
    find: "perLayer ? layers : 1",
    replace: "perLayer ? 1 : 1",
  },
  {
    file: "runtime/formats/weights.ts",
    find: "dims.map((axes) => axes.reduce((product, axis) => product * axis.size, 1))",
    replace: "dims.map(([axis]) => axis?.size ?? 1)",
  },
]);

const spec = (drawn: ModelCase, cuts: readonly Cut[], count: number): string => {
  const { texts, layer, layerCriterion } = architectureOf(drawn);
  const others = cuts.map(({ axis }) => axis).filter((axis) => axis !== layer);
  return `edition 1
${Object.keys(texts)
  .map((path) => `use "${path}"\n`)
  .join("")}
model teacher = open("model")
data texts = text("texts/*.txt") { window 4 }

score merit of teacher on texts {
  take 16 windows
  ${others.join(", ")} by activation()
  ${layer} by ${layerCriterion}
}

prune student from teacher using merit {
${cuts.map(({ axis, from, keep }) => `  ${axis} ${from} -> ${keep}`).join("\n")}
}

expect {
  params(student) == ${count} params
  params(student) == ${count + 1} params
}

export student to "student" {
  format safetensors
  dtype f32
}
`;
};

const isWorth = async (product: Product, drawn: ModelCase): Promise<void> => {
  const model = drawnModel(product, drawn);
  const cuts = product.cutsOf(model.shape, drawn.keeps);
  const kept = product.keptBy(model, cuts, product.randomScores(model, drawn.seed));
  const [, stored] = await product.numbersOf(await product.cutTo(model, kept));
  const { texts } = architectureOf(drawn);
  const host = memoryHost({ texts, models: { model: model.layout.config } });
  const text = spec(drawn, cuts, stored);
  const { diagnostics } = product.check("spec.prune", text, host);
  const wrong = diagnostics.filter(({ severity }) => severity === "error");
  expect(wrong.map(({ code, span }) => [code, text.slice(span.start, span.end)])).toEqual([
    ["budget-unmet", `params(student) == ${stored + 1} params`],
  ]);
};

law("`params(…)` is worth the numbers in the file", always(modelCase, isWorth, 40), [
  {
    file: "compiler/recipe/stages/expect.ts",
    find: "known: entry.shape.parameters",
    replace: "known: entry.shape.weights.length",
  },
]);
