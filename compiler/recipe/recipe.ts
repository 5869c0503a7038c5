/**
 * A checked recipe: names resolved, units converted, sizes known, defaults filled. Plain data, in order of the spec;
 * `plan/` turns it into a Plan. Anything wrong was said by `check.ts` before one of these exists.
 */
import type { DefinitionDecl, Expr, SourceFile } from "../../grammar/ast.js";
import type { Arithmetic } from "../../kernels/operand.js";
import type { Dtypes } from "../library/dtypes.js";
import type { CriterionUse, Library, Located, ModelShape } from "../library/library.js";
import type { Rescale } from "../library/rescale.js";
import type {
  BestStage,
  Candidacy,
  CandidateOf,
  Compensation,
  Cut,
  DataSource,
  ExpectStage,
  ExportStage,
  Fold,
  OpenStage,
  Scalar,
} from "../plan.js";

/** Every model of the recipe by name: opened, pruned or distilled. */
export interface RecipeModel {
  readonly name: string;
  readonly shape: ModelShape;
}

export type OpenStep = OpenStage;

export interface RandomStep {
  readonly kind: "random";
  readonly model: string;
  readonly like: string;
  readonly deviation: number;
}

export interface ScoreStep {
  readonly kind: "score";
  readonly name: string;
  readonly model: string;
  readonly data: string;
  /** Windows to look at; null for all. */
  readonly take: number | null;
  readonly arithmetic: Arithmetic;
  readonly entries: readonly {
    readonly axis: string;
    readonly criterion: CriterionUse;
    /** Axes of which a unit has a score for each place. */
    readonly within: readonly string[];
  }[];
}

export interface PruneStep {
  readonly kind: "prune";
  readonly name: string;
  readonly source: string;
  /** Null where the spec names all that stays. */
  readonly scores: string | null;
  /** Only axes that shrink. */
  readonly cuts: readonly Cut[];
  /** The axis among `cuts` whose units are tokens; null where there is none. */
  readonly tokens: string | null;
  /** Weights whose numbers change, by name. */
  readonly rescaled: Readonly<Record<string, Rescale>>;
  readonly folds: readonly Fold[];
  readonly compensations: readonly Compensation[];
}

export interface DistillStep {
  readonly kind: "distill";
  readonly name: string;
  readonly student: string;
  /** Null for training without one. */
  readonly teacher: string | null;
  /** Of the teacher's pass. */
  readonly arithmetic: Arithmetic;
  readonly data: string;
  /** The loss expression: calls of library losses, `+`, `*` and numbers. */
  readonly loss: Located<Expr>;
  readonly steps: number;
  readonly windows: number;
  readonly optimizer: {
    readonly beta: readonly [number, number];
    readonly epsilon: number;
    readonly decay: number;
    /** Weights that do not decay, by name. */
    readonly noDecay: readonly string[];
    /** Global norm; null for no clipping. */
    readonly clip: number | null;
  };
  readonly rate: Scalar;
  readonly checkpointEvery: number;
  /** How many of the teacher's logits of a token are kept on disk and read in its place; null where it is there itself. */
  readonly cacheLogits: number | null;
  /** Null where the student is no candidate of a search. */
  readonly candidate: Candidacy | null;
}

export interface EvaluateStep {
  readonly kind: "evaluate";
  readonly models: readonly string[];
  readonly arithmetic: Arithmetic;
  readonly data: string;
  readonly metrics: readonly Located<DefinitionDecl>[];
  /** Null where the models are no candidates of a search. */
  readonly candidate: CandidateOf | null;
}

/** Ranks the candidates of a search by what was last measured of them. */
export interface RankStep {
  readonly kind: "rank";
  readonly search: string;
  /** The name that stands for them: the search's, or that of a distillation of them. */
  readonly of: string;
  readonly metric: string;
  readonly best: "least" | "most";
  /** So many go on; null for all. */
  readonly keep: number | null;
  readonly candidates: readonly {
    readonly id: number;
    readonly sizes: Readonly<Record<string, number>>;
    readonly model: string;
  }[];
}

export type BestStep = BestStage;

export type ExpectStep = ExpectStage;

export type ExportStep = ExportStage;

export type Step =
  | OpenStep
  | RandomStep
  | ScoreStep
  | PruneStep
  | DistillStep
  | EvaluateStep
  | RankStep
  | BestStep
  | ExpectStep
  | ExportStep;

/** Where what follows depends on which candidate of a search is the best. */
export interface RecipeDecision {
  readonly search: string;
  /** The name that the best one has from there on. */
  readonly model: string;
  /** By the candidate's id, the whole recipe where it is the best. */
  readonly recipes: ReadonlyMap<number, Recipe>;
}

export interface Recipe {
  readonly file: SourceFile;
  readonly library: Library;
  readonly seed: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly models: ReadonlyMap<string, RecipeModel>;
  /** Of opened models, what their files store weights in. */
  readonly stored: ReadonlyMap<string, Dtypes>;
  readonly data: ReadonlyMap<string, DataSource>;
  /** Up to the first decision. */
  readonly steps: readonly Step[];
  readonly decision: RecipeDecision | null;
  /** path → sha256 of everything read: the spec, stdlib files, used files, config.json files. Only a plan asks for them. */
  readonly sources: () => Readonly<Record<string, string>>;
}
