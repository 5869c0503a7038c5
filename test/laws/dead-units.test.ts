/**
 * Law: cutting dead units changes no logit beyond rounding. A unit is dead where nothing reads what it puts out: the
 * weights outgoing from it are 0. Of a channel of the residual, into which every layer puts something, it is those that
 * put into it; as its zeros count in the mean of a norm of squares (√(n / k) is what k of n channels make of it), the
 * norms' scales must take that up, and the query the root by which a head's products are divided.
 */
import { expect } from "vitest";
import { type ModelCase, modelCase } from "../support/arbitraries/model.js";
import { architectureOf } from "../support/architectures.js";
import { distance } from "../support/dense.js";
import { always, law } from "./law.js";
import {
  cutsOf,
  cutTo,
  keptBy,
  logitsOf,
  modelOf,
  randomScores,
  removedAt,
  weightsOf,
  zeroed,
} from "./model.js";
import type { Product } from "./mutant.js";

const changesNothing = async (product: Product, drawn: ModelCase): Promise<void> => {
  const { channel, dim, outgoing, placed, products, scales } = architectureOf(drawn);
  const model = modelOf(product, drawn, { rms_norm_eps: 0 });
  const cuts = cutsOf(model, drawn, [...placed, ...(scales === null ? [channel] : [])]);
  const kept = keptBy(product, model, cuts, randomScores(model, drawn.seed));
  const dead = zeroed(model, ({ weight, place }) =>
    removedAt(kept, place).some((axis) => outgoing[axis]?.includes(weight.weight) === true),
  );
  const cut = await cutTo(product, dead, kept);
  const spread = (axis: string): number => {
    const cutAxis = kept.get(axis);
    return cutAxis === undefined ? 1 : Math.sqrt(cutAxis.from / cutAxis.keep);
  };
  const weights = weightsOf(product, cut, (weight) => {
    if (scales?.includes(weight) === true) return spread(channel);
    return products.includes(weight) ? 1 / spread(dim) : 1;
  });
  const before = logitsOf(product, dead, drawn);
  expect(distance(logitsOf(product, cut, drawn, weights), before)).toBeLessThan(1e-9);
};

law("cutting dead units changes no logit", always(modelCase, changesNothing), [
  // The kept set of another layer or group.
  {
    file: "runtime/weights/modes.ts",
    find: "row = row * size + index;",
    replace: "row = row * size;",
  },
  // The first units in the place of those kept.
  {
    file: "runtime/weights/gather.ts",
    find: "const unit = sourceUnit(mode, digit, place);",
    replace: "const unit = digit;",
  },
]);
