/** Folding: the kept units of an axis take in cut ones, weight by weight, as the plan's scalar says (plan.ts, `Fold`). */
import type { Fold, ModelLayout, PruneStage } from "../../compiler/plan.js";
import { bytesOf, converted, type StoredTensor } from "../formats/stored-tensor.js";
import type { Weights } from "../formats/weights.js";
import { compileScalar, type ScalarFunction } from "../scalar.js";
import { prune } from "./gather.js";
import type { Kept, KeptAxis } from "./kept.js";

/** A fold with, for each kept unit of each set, the cut unit that it takes in, or itself. */
export interface Folding {
  readonly fold: Fold;
  readonly partners: KeptAxis["sets"];
}

/** Both tensors' elements through the function, in f32. */
const together = (kept: StoredTensor, cut: StoredTensor, value: ScalarFunction): StoredTensor => {
  const [left, right] = [converted(kept, "f32"), converted(cut, "f32")];
  const read = async (start: number, into: Uint8Array): Promise<void> => {
    const floats = new Float32Array(into.buffer, into.byteOffset, into.byteLength / 4);
    const others = new Float32Array(floats.length);
    await left.read(start, into);
    await right.read(start, bytesOf(others));
    floats.forEach((own, i) => {
      floats[i] = value([own, others[i] ?? Number.NaN]);
    });
  };
  return { dtype: "f32", count: kept.count, read };
};

/** The pruned model with its folds done, one after the other: a view of `source`, as `prune` gives it. */
export const pruneFolding = (
  source: Weights,
  kept: Kept,
  foldings: readonly Folding[],
  target: ModelLayout,
  rescaled: PruneStage["rescaled"],
): Weights => {
  const [first, ...rest] = foldings;
  const axis = first === undefined ? undefined : kept.get(first.fold.axis);
  if (first === undefined || axis === undefined) return prune(source, kept, target, rescaled);
  const own = pruneFolding(source, kept, rest, target, rescaled);
  const taken = new Map(kept).set(axis.axis, { ...axis, sets: first.partners });
  const others = pruneFolding(source, taken, rest, target, rescaled);
  const value = compileScalar(first.fold.value, ["kept", "cut"]);
  return {
    ...own,
    tensor: (weight) =>
      weight.dims.flat().some((dim) => dim.axis === axis.axis)
        ? together(own.tensor(weight), others.tensor(weight), value)
        : own.tensor(weight),
  };
};
