/** Logits of a tiny model of every family against those of transformers (architectures/, made by make-architectures.py). */
import { expect, test } from "vitest";
import { inFloat64, logitsGraph, onDevice } from "../support/model-logits.js";
import { worstError } from "../support/numbers.js";
import { expectedOf, families, folderOf, library, shapeIn, withWeights } from "./tiny-models.js";

/** Absolute; logits are of the order of 1 to 10. */
const TOLERANCE = 1e-3;

const cases = families.flatMap((family) => {
  const { tokens, cases: found } = expectedOf(family);
  return found.map((one) => [family, one.name, { ...one, tokens }] as const);
});

test("every architecture of the standard library has a model here", () => {
  expect(families).toEqual([...library.architectures.keys()].sort());
});

test.each(cases)("%s, %s: logits in float64 and on the device", async (family, _name, one) => {
  const path = folderOf(family);
  const shape = shapeIn(path, one);
  const made = await withWeights(path, shape, (weights) => logitsGraph(shape, weights, one.tokens));
  const expected = one.logits.flat();
  expect(worstError(inFloat64(made), expected), "float64").toBeLessThan(TOLERANCE);
  expect(worstError(await onDevice(made), expected), "device").toBeLessThan(TOLERANCE);
});
