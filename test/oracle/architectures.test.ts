/**
 * Logits of a tiny model of every family, and the gradient of its loss by every weight, against those of transformers
 * (architectures/, made by make-architectures.py): in float64 without a device, and compiled.
 */
import { expect, test } from "vitest";
import type { ModelLayout } from "../../compiler/plan.js";
import { weightsIn } from "../../laws/weights-in-memory.js";
import { fileTensors } from "../../runtime/formats/file-tensors.js";
import { readFloats } from "../../runtime/formats/stored-tensor.js";
import {
  gradientGraph,
  gradientsIn,
  inFloat64,
  logitsIn,
  onDevice,
} from "../support/model-logits.js";
import { worstError } from "../support/numbers.js";
import { expectedOf, families, folderOf, library, shapeIn, withWeights } from "./tiny-models.js";

/** Absolute; logits are of the order of 1 to 10. */
const TOLERANCE = 1e-3;
/** Of the gradient's own size: float32 on either side. */
const GRADIENT_TOLERANCE = 1e-4;

const cases = families.flatMap((family) => {
  const { tokens, cases: found } = expectedOf(family);
  return found.map((one) => [family, one.name, { ...one, tokens }] as const);
});

test("every architecture of the standard library has a model here", () => {
  expect(families).toEqual([...library.architectures.keys()].sort());
});

/** Of each tensor of a file, how far its digest is from the expected one, as a share of what it could be. */
const gradientErrors = async (
  layout: ModelLayout,
  arena: Float32Array,
  expected: Readonly<Record<string, number>>,
): Promise<Readonly<Record<string, number>>> => {
  const errors: Record<string, number> = {};
  for (const { name, data } of fileTensors(weightsIn(layout, arena))) {
    const floats = await readFloats(data("f32"));
    const sums = { digest: 0, size: 0 };
    floats.forEach((g, i) => {
      sums.digest += g * (1 + (i % 97));
      sums.size += Math.abs(g) * (1 + (i % 97));
    });
    errors[name] = Math.abs(sums.digest - (expected[name] ?? Number.NaN)) / sums.size;
  }
  return errors;
};

test.each(
  cases,
)("%s, %s: logits and gradients in float64 and on the device", async (family, _, one) => {
  const path = folderOf(family);
  const shape = shapeIn(path, one);
  const made = await withWeights(path, shape, (weights) =>
    gradientGraph(shape, weights, one.tokens),
  );
  const { layout } = made;
  for (const outputs of [inFloat64(made), await onDevice(made)]) {
    expect(worstError(logitsIn(outputs), one.logits.flat())).toBeLessThan(TOLERANCE);
    const errors = await gradientErrors(layout, gradientsIn(outputs, layout), one.gradients);
    expect(Object.keys(errors).sort()).toEqual(Object.keys(one.gradients).sort());
    expect(Object.entries(errors).filter(([, error]) => !(error < GRADIENT_TOLERANCE))).toEqual([]);
  }
});
