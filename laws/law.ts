/**
 * Laws: what holds of every model that is cut, whatever its architecture, criteria and losses. They are values, tried on
 * small random models (try-law.ts) in float64, with no device and no weights from files.
 */
import type { Arbitrary } from "fast-check";
import type { LayerCounts } from "../compiler/library/layer-pairs.js";
import type { CriterionUse, Located, ModelShape } from "../compiler/library/library.js";
import type { Expr } from "../grammar/ast.js";

/** What scores axes, by axis. */
export type Criteria = ReadonlyMap<string, CriterionUse>;

/** A loss as a recipe has it. */
export interface LossUse {
  readonly expr: Located<Expr>;
  /** Layers of the models that it is meant for, as its pairs of layers are written for those; null where any will do. */
  readonly layers: LayerCounts | null;
}

export const lossText = ({ expr: { file, decl } }: LossUse): string =>
  file.text.slice(decl.span.start, decl.span.end).replace(/\s+/g, " ");

/** What laws are tried on: an architecture in many sizes, and what a recipe measures and trains it by. */
export interface Subject<Sizes> {
  readonly name: string;
  readonly sizes: Arbitrary<Sizes>;
  /** Null where no config.json can say these sizes. */
  readonly shapeAt: (sizes: Sizes) => ModelShape | null;
  readonly criteria: readonly Criteria[];
  readonly losses: readonly LossUse[];
}

/** What is drawn besides sizes; all other numbers derive from it. */
export interface Draw {
  /** Of weights, tokens and scores. */
  readonly seed: number;
  /** What stays of each axis that can be cut: all where it is a multiple of the size, else the remainder. */
  readonly keeps: readonly number[];
  readonly windows: number;
  readonly positions: number;
  /** Windows of a batch. */
  readonly batch: number;
  /** Which of the criteria, of the losses, and of the weights. */
  readonly pick: number;
}

/** One case of a law. */
export interface Trial extends Draw {
  readonly shape: ModelShape;
  readonly criteria: readonly Criteria[];
  readonly losses: readonly LossUse[];
}

/** What a law knows before anything is drawn. */
export type Given = Pick<Trial, "shape" | "criteria" | "losses">;

export interface Law {
  readonly name: string;
  /** What always holds, in one sentence. */
  readonly says: string;
  /** Why the law says nothing of such models; null where it does. */
  readonly silent: (given: Given) => string | null;
  /** Throws where it does not hold: a Broken, or what the product says. */
  readonly holds: (trial: Trial) => void | Promise<void>;
}

/** A law does not hold; the message says how, in one line. */
export class Broken extends Error {}

/** A case that tells nothing: another is drawn in its place. */
export class Untold extends Error {}

/** The one that `pick` chooses; null of none. */
export const picked = <T>(all: readonly T[], pick: number): T | null =>
  all[pick % Math.max(1, all.length)] ?? null;
