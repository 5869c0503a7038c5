/**
 * Law: the counted parameters are the real ones. What a model declares, what its plan says and what `params(…)` is worth
 * in a spec is the number of numbers in the exported file.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type ModelCase, modelCase } from "../support/arbitraries/model.js";
import { architectureOf } from "../support/architectures.js";
import { memoryHost } from "../support/memory-host.js";
import { inScratch } from "../support/scratch.js";
import { weightsIn } from "../support/weights.js";
import { always, law } from "./law.js";
import { cutsOf, cutTo, keptBy, type Model, modelOf, randomScores } from "./model.js";
import type { Product } from "./mutant.js";

interface Tensor {
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Numbers in a file of f32 tensors, by its header and by its size. */
const numbersIn = (path: string): readonly [number, number] => {
  const bytes = readFileSync(path);
  const header = Number(bytes.readBigUInt64LE(0));
  const { __metadata__: _, ...tensors } = JSON.parse(
    bytes.subarray(8, 8 + header).toString("utf8"),
  ) as Record<string, Tensor>;
  const declared = Object.values(tensors).reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  return [declared, (bytes.length - 8 - header) / 4];
};

const exported = (product: Product, { layout, arena }: Model): Promise<readonly [number, number]> =>
  inScratch(async (scratch) => {
    const folder = join(scratch, "model");
    await product.writeModelFolder(folder, weightsIn(layout, arena), "f32", []);
    return numbersIn(join(folder, "model.safetensors"));
  });

const spec = (drawn: ModelCase, cuts: ReturnType<typeof cutsOf>, count: number): string => {
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

const isReal = async (product: Product, drawn: ModelCase): Promise<void> => {
  const model = modelOf(product, drawn);
  const cuts = cutsOf(model, drawn);
  const cut = await cutTo(
    product,
    model,
    keptBy(product, model, cuts, randomScores(model, drawn.seed)),
  );
  const [declared, stored] = await exported(product, cut);
  expect(declared).toBe(stored);
  expect([cut.shape.parameters, cut.layout.parameters]).toEqual([stored, stored]);
  const { texts } = architectureOf(drawn);
  const host = memoryHost({ texts, models: { model: model.layout.config } });
  const text = spec(drawn, cuts, stored);
  const { diagnostics } = product.check("spec.prune", text, host);
  const wrong = diagnostics.filter(({ severity }) => severity === "error");
  expect(wrong.map(({ code, span }) => [code, text.slice(span.start, span.end)])).toEqual([
    ["budget-unmet", `params(student) == ${stored + 1} params`],
  ]);
};

law("the counted parameters are the real ones", always(modelCase, isReal), [
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
  {
    file: "compiler/recipe/stages/expect.ts",
    find: "known: entry.shape.parameters",
    replace: "known: entry.shape.weights.length",
  },
]);
