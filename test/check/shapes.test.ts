/**
 * The papers' models by their config.json alone (arXiv 2407.14679, tables 9, 10 and 19; 2408.11796, table 3): parameters
 * to the last digit, and the sizes of the search spaces.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { countedData } from "../../compiler/compile.js";
import type { ModelShape } from "../../compiler/library/library.js";
import { parametersAt } from "../../compiler/library/parameters.js";
import type { Recipe } from "../../compiler/recipe/recipe.js";
import { fileHost } from "../../runtime/cli/host.js";

const folder = fileURLToPath(new URL("../../examples/shapes", import.meta.url));

const recipeOf = (name: string): Recipe => {
  const text = readFileSync(join(folder, `${name}.prune`), "utf8");
  const { recipe, diagnostics } = check(`${name}.prune`, text, fileHost(folder));
  expect(diagnostics).toEqual([]);
  if (recipe === null) throw new Error("no recipe");
  return recipe;
};

const shapeOf = (recipe: Recipe, model: string): ModelShape => {
  const shape = recipe.models.get(model)?.shape;
  if (shape === undefined) throw new Error(`no model ${model}`);
  return shape;
};

describe.each([
  ["minitron", { teacher: 15_628_775_424, minitron8: 8_271_699_968, minitron4: 4_190_509_056 }],
  ["llama-minitron", { teacher: 8_030_261_248, width: 4_512_746_496, depth: 4_540_469_248 }],
  ["mn-minitron", { teacher: 12_247_782_400, minitron: 8_414_105_600 }],
] as const)("%s", (name, parameters) => {
  test("has the papers' parameters", () => {
    const recipe = recipeOf(name);
    const found = Object.keys(parameters).map((model) => [
      model,
      shapeOf(recipe, model).parameters,
    ]);
    expect(Object.fromEntries(found)).toEqual(parameters);
  });

  test("needs no text to be planned", () => {
    expect(countedData(recipeOf(name))).toEqual([]);
  });
});

describe("Nemotron-4 15B", () => {
  const teacher = shapeOf(recipeOf("minitron"), "teacher");
  const at = (layer: number, heads: number, mlp: number, hidden: number): number =>
    parametersAt(teacher, new Map(Object.entries({ layer, query: heads / 8, mlp, hidden })));

  /** Parameters of every shape of a search space of table 9. */
  const space = (heads: readonly number[], hidden: readonly number[]): number[] =>
    [29, 30, 31, 32].flatMap((layer) =>
      heads.flatMap((head) =>
        [2.5, 3, 3.5, 4].flatMap((times) =>
          hidden.map((size) => at(layer, head, times * size, size)),
        ),
      ),
    );

  test("has 18 shapes within 5% of 4B in the search space of Minitron 4B", () => {
    const shapes = space([24, 32, 48], [2560, 3072, 3584, 4096, 4608]);
    expect(shapes.filter((count) => Math.abs(count - 4e9) <= 0.05 * 4e9)).toHaveLength(18);
  });

  test("has the 15 candidates of Minitron 8B between 7.8B and 8.54B", () => {
    // The paper prints 4680 for the embedding, and its candidates have 4608.
    const shapes = space([32, 48], [4096, 4608, 5120, 5632, 6144]);
    const found = shapes.filter((count) => count >= 7.8e9 && count <= 8.54e9);
    const printed = [
      ...[8.494, 7.947, 7.871, 8.272, 8.311, 8.43, 8.357, 8.079],
      ...[8.127, 8.235, 8.164, 7.886, 7.944, 8.039, 7.97],
    ];
    const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
    expect(ascending(found.map((count) => Number((count / 1e9).toFixed(3))))).toEqual(
      ascending(printed),
    );
  });
});
