/** The plan's part about pruning: what is kept of each axis, and what becomes of the numbers that stay. */

import type { Scalar } from "./plan-program.js";

/**
 * Keep the `keep` best of `from` units of an axis (or all but the best run), or those that the spec names; ties go to the
 * lower index; kept indices ascend.
 */
export interface Cut {
  readonly axis: string;
  readonly from: number;
  readonly keep: number;
  /** Those that stay, ascending, where the spec names them. */
  readonly units?: readonly number[];
}

export interface PruneStage {
  readonly kind: "prune";
  readonly name: string;
  readonly source: string;
  /** The score stage; null where the spec names all that stays. */
  readonly scores: string | null;
  readonly cuts: readonly Cut[];
  /** The axis among `cuts` whose units are tokens, so that the tokenizer loses them too; null where there is none. */
  readonly tokens: string | null;
  /** By weight, w becomes scale · w + shift: for models that compute with the size of an axis itself. */
  readonly rescaled: Readonly<Record<string, { readonly scale: number; readonly shift: number }>>;
  readonly folds: readonly Fold[];
  readonly compensations: readonly Compensation[];
}

/**
 * What makes up for the cut units of an axis: the bias [outputs] that is added to the product of the axis' activations with
 * `weight` [axis, outputs] takes in, for each cut unit, the unit's number among the scores times its weights.
 */
export interface Compensation {
  readonly axis: string;
  /** The score stage whose numbers of the axis stand for its activations. */
  readonly scores: string;
  readonly weight: string;
  readonly bias: string;
}

/**
 * What becomes of kept units where others are cut: of L units K stay, and in order of their scores kept unit i (from 1) takes
 * in cut unit 2K − i + 1, where there is one, in every weight that carries the axis.
 */
export interface Fold {
  readonly axis: string;
  /** Over the variables "kept" and "cut"; "kept" where both are the same. */
  readonly value: Scalar;
}
