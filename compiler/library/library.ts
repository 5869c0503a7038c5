/**
 * What the rest of the compiler sees of the library: definitions by kind, and what can be made of them.
 * `load.ts` gathers declarations into a Library; `architecture.ts` reads a config.json into a ModelShape;
 * `elaborate.ts` evaluates bodies into tensor IR; `schedule.ts` into scalars.
 */
import type {
  ArchitectureDecl,
  DefinitionDecl,
  Expr,
  PretokenizerDecl,
  SourceFile,
} from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { Axis, Node } from "../ir/tensor.js";
import type { Pairs } from "../plan-model.js";
import type { LayerLists } from "./layer-list.js";

/** A declaration with the file it stands in, for diagnostics. */
export interface Located<D> {
  readonly file: SourceFile;
  readonly decl: D;
}

export interface Library {
  readonly architectures: ReadonlyMap<string, Located<ArchitectureDecl>>;
  /** Keyed by keyword, then name: `definitions.loss.get("cross_entropy")`. */
  readonly definitions: Readonly<
    Record<DefinitionDecl["keyword"], ReadonlyMap<string, Located<DefinitionDecl>>>
  >;
  readonly pretokenizers: ReadonlyMap<string, Located<PretokenizerDecl>>;
  /** Keys of config.json that change nothing in any architecture. */
  readonly ignoredKeys: ReadonlySet<string>;
  /** Functions that only their file sees, as they say so or as the file defines something else too: path → name → definition. */
  readonly privates: ReadonlyMap<string, ReadonlyMap<string, Located<DefinitionDecl>>>;
}

/** A value or the diagnostics that say why there is none. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** A weight of an architecture at given sizes. */
export interface WeightShape {
  readonly name: string;
  /** Template of the tensor's name in the file; `{layer}` stands for the index. */
  readonly file: string;
  /** True inside `each layer`. */
  readonly perLayer: boolean;
  readonly dims: readonly (readonly Axis[])[];
  /** Its entries in a model that has not been trained; null where they are random. */
  readonly start: number | null;
  /** Where the tensor holds several weights; null where it is this one. */
  readonly part: WeightPart | null;
}

/** A weight that stands beside others along a dimension of a tensor. */
export interface WeightPart {
  readonly dimension: number;
  /** How many of the dimension's axes all of them have, before their own. */
  readonly shared: number;
  /** Units of each along the dimension, for one place of the shared axes. */
  readonly sizes: readonly number[];
  readonly index: number;
}

/** What may be scored for an axis: the tapped values of each layer (one entry for taps outside `each`). */
export interface Tap {
  readonly axis: string;
  /** What tells it from the axis' usual tap, which has none. */
  readonly name: string | null;
  /** Layer index, or null outside `each`. */
  readonly layer: number | null;
  readonly values: readonly Node[];
  /** Names of the weight that the value is multiplied with, and of the bias that is added then. */
  readonly into: { readonly weight: string; readonly bias: string | null } | null;
}

/** An architecture read from a config.json. */
export interface ModelShape {
  /** The library that its definitions are looked up in. */
  readonly library: Library;
  readonly architecture: Located<ArchitectureDecl>;
  readonly config: Readonly<Record<string, unknown>>;
  /** Every axis the architecture declares, with its size, in order of declaration. */
  readonly axes: readonly Axis[];
  /** By axis, which of its units are kept or cut together. */
  readonly paired: ReadonlyMap<string, Pairs>;
  /** The axis of `each`, or null where the architecture has none. */
  readonly layerAxis: string | null;
  /** Weights present under this config. */
  readonly weights: readonly WeightShape[];
  /**
   * For each tapped axis: the axes along which kept sets may differ, in the order layer axis first, then the tap's own:
   * those that every weight carrying the axis carries too (the layer axis for weights inside `each`) and every tap of it has.
   */
  readonly along: ReadonlyMap<string, readonly Axis[]>;
  /** Lists of config.json with an entry for each layer, by key. */
  readonly layerLists: LayerLists;
  /** Those of which only the run decides what is left, as layers that differ in them were cut; their entries stand in for it. */
  readonly undecided: ReadonlySet<string>;
  readonly parameters: number;
}

/** The name of a weight's input node: `${model}/${weight}` or `${model}/${weight}@${layer}`. */
export const weightInput = (model: string, weight: string, layer: number | null): string =>
  layer === null ? `${model}/${weight}` : `${model}/${weight}@${layer}`;

/** The name of a learned map's input node: along an axis, from a student's size to a teacher's. */
export const mapInput = (axis: string, from: number, to: number): string =>
  `map/${axis} ${from} ${to}`;

export const isMapInput = (name: string): boolean => name.startsWith("map/");

/** Whose an input of a loss is: a weight of the teacher, what is trained, or null for what goes with the data. */
export const ownerIn =
  (teacher: string) =>
  (input: string): "teacher" | "student" | null =>
    input.startsWith(`${teacher}/`) ? "teacher" : input.includes("/") ? "student" : null;

/** The name of the input by which a segment takes a value from the one before it: `${model}/${name}>${segment}`. */
export const carriedInput = (model: string, name: string, segment: number): string =>
  `${model}/${name}>${segment}`;

/**
 * What a segment of a forward pass hands to the next, by name. Segment 0 goes up to the layers, each layer is one, and what
 * follows the layers is the last; between them nothing else goes, tokens and weights being inputs of each.
 */
export type Carried = ReadonlyMap<string, Node>;

/** A pass that is cut at its layers, and the losses whose gradients have been taken through the cuts, in order. */
export interface CutPass {
  readonly model: string;
  readonly carried: readonly Carried[];
  readonly losses: Set<Node>;
}

/** A forward pass in IR: top-level names (`logits`), states and taps. */
export interface Forward {
  readonly values: ReadonlyMap<string, Node>;
  /** What the architecture declares for losses to look at: a tensor, or one of every layer. */
  readonly states: ReadonlyMap<string, Node | readonly Node[]>;
  readonly taps: readonly Tap[];
  /** Of each segment but the last. */
  readonly carried: readonly Carried[];
  /** Null where it is in one piece. */
  readonly cut: CutPass | null;
}

/** Layers that stand together. */
export interface Run {
  readonly start: number;
  readonly length: number;
}

/** A criterion with its arguments, as named in a spec: `activation(batch: l2, position: mean)`. */
export interface CriterionUse {
  readonly definition: Located<DefinitionDecl>;
  readonly args: ReadonlyMap<string, Expr>;
  /** The name of the taps it looks at, as in `activation of before`; null for the usual ones. */
  readonly tap: string | null;
  /** As written, for reports. */
  readonly text: string;
}
