/** Law: where config.json has a key for every axis, it can say any sizes of them, and says no others. */
import { expect } from "vitest";
import { must } from "../../compiler/planning/outcome.js";
import { type ModelCase, modelCase } from "../support/arbitraries/model.js";
import { always, law } from "./law.js";
import type { Product } from "./mutant.js";
import { drawnShape } from "./subjects.js";

const saysAll = (product: Product, drawn: ModelCase): void => {
  const shape = drawnShape(product, drawn);
  const sizes = new Map(
    [...shape.along.keys()].map((axis, i) => {
      const together = shape.paired.has(axis) ? 2 : 1;
      const units = (shape.axes.find(({ name }) => name === axis)?.size ?? 0) / together;
      return [axis, ((drawn.keeps[i] ?? 0) % units || units) * together];
    }),
  );
  const place = { path: "config.json", span: { start: 0, end: 0 } };
  const resized = product.resize(shape, sizes, place);
  expect(resized.ok).toBe(true);
  const read = new Map(must(resized).axes.map(({ name, size }) => [name, size]));
  for (const [axis, size] of sizes) expect(read.get(axis)).toBe(size);
};

law("any sizes can be said", always(modelCase, saysAll), [
  // The size of a head found anew from the channels that stay.
  {
    file: "compiler/library/resize.ts",
    find: "config[item.key.name] = value.value;",
    replace: "config[item.key.name] ??= value.value;",
  },
]);
