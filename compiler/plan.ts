/**
 * The plan: what the compiler gives and the runtime executes, as plain JSON data.
 * It names no architecture, criterion, loss or schedule; nothing in it is code but WGSL text.
 * Numbers are finite; ids are strings; arrays are in execution order.
 */

import type { Arithmetic } from "../kernels/operand.js";
import type { AnswerPass, ChoiceEntry } from "./plan-choices.js";
import type { DataSource } from "./plan-data.js";
import type { GgufSource, GgufTarget } from "./plan-gguf.js";
import type { ModelLayout } from "./plan-model.js";
import type { Kernel, Program, Scalar } from "./plan-program.js";
import type { PruneStage } from "./plan-prune.js";
import type { BestStage, Candidacy, CandidateOf, RankStage } from "./plan-search.js";

export type * from "./plan-choices.js";
export type * from "./plan-continuation.js";
export type * from "./plan-data.js";
export type * from "./plan-gguf.js";
export type * from "./plan-model.js";
export type * from "./plan-program.js";
export type * from "./plan-prune.js";
export type * from "./plan-search.js";

// ── stages ───────────────────────────────────────────────────────────────────────────────────

export interface OpenStage {
  readonly kind: "open";
  readonly model: string;
  /** Path relative to the spec's folder. */
  readonly path: string;
  /** Null for a Hugging Face folder. */
  readonly gguf: GgufSource | null;
}

/** A model of another's shape that has not been trained. */
export interface RandomStage {
  readonly kind: "random";
  readonly model: string;
  /** The model whose shape it has. */
  readonly like: string;
  /** Standard deviation of the weights that are random; their mean is 0. */
  readonly deviation: number;
  /** Weights whose entries all start at one number, by name. */
  readonly starts: Readonly<Record<string, number>>;
}

/** A program to be run once for each batch of `windows` windows. */
export interface BatchProgram {
  readonly windows: number;
  readonly program: string;
}

/** A value that goes from segment to segment, on the way to the last or back, kept for each batch of windows between them. */
export interface CarriedValue {
  readonly name: string;
  /** State buffers that a segment reads it from and writes it to. */
  readonly taken: string;
  readonly given: string;
  /** Bytes of one window. */
  readonly bytes: number;
}

/** A carried value where it waits: `at` bytes from the beginning of what waits for each window, counted of one window. */
export interface Waiting {
  readonly value: string;
  readonly at: number;
}

/** A part of a pass, forward or back, that needs a part of the weights only. */
export interface Segment {
  /** What it needs in the state of weights at `offset`, in the type of the model's layout. */
  readonly weights: readonly {
    readonly weight: string;
    readonly layer: number | null;
    readonly offset: number;
  }[];
  /** Feeds of its programs that are rows of a weight, one for each token. */
  readonly rows: readonly {
    readonly feed: string;
    readonly weight: string;
    readonly layer: number | null;
  }[];
  /** As in `Sweep`; empty where it looks at weights only. */
  readonly batches: readonly BatchProgram[];
  /** Carried values that it reads and writes. */
  readonly takes: readonly Waiting[];
  readonly gives: readonly Waiting[];
  /** Run after its windows: what becomes of its sums where that takes its weights. */
  readonly conclude: string | null;
  /** So many bytes of its sums, from their beginning on, are needed later, and go there in the accumulators. */
  readonly offset: number;
  readonly bytes: number;
}

/**
 * A sweep through a model whose weights are not on the device together: segment after segment, each with its weights in
 * one state buffer. For each: zero `sums`, run the batches, then `conclude`, and copy the sums to the accumulators.
 */
export interface Streaming {
  readonly weights: { readonly state: string; readonly bytes: number };
  readonly sums: { readonly state: string; readonly bytes: number };
  readonly accumulators: { readonly state: string; readonly bytes: number };
  readonly carried: readonly CarriedValue[];
  /** Bytes of one window of all that waits between segments. */
  readonly waitingBytes: number;
  readonly segments: readonly Segment[];
  /** Memory of the device, then of the host, in which values may wait between segments; the rest waits on disk. */
  readonly storeBytes: number;
  readonly hostBytes: number;
  readonly diskBytes: number;
  /** The most device memory at once, with the store. */
  readonly peakBytes: number;
}

/**
 * Sums over a data set: zero `accumulators` (state buffers), run the programs over `windows` windows in batches
 * (largest first, the remainder by the smaller program), then `finish` once, whose outputs are the results.
 */
export interface Sweep {
  readonly data: string;
  readonly windows: number;
  readonly order: "sequential" | "shuffled";
  readonly accumulators: readonly string[];
  readonly batches: readonly BatchProgram[];
  readonly finish: string;
  /** How it goes through a model that is not on the device whole, and then `batches` is empty; else null. */
  readonly streaming: Streaming | null;
}

/** Scores of one axis: outputs of the sweep's `finish`, in order of layer where kept sets differ by layer (or the axis
 *  is the layer axis), else one. Each is over the remaining `along` axes, then the axis itself, then those `within`. */
export interface ScoreTable {
  readonly axis: string;
  readonly criterion: string;
  readonly outputs: readonly string[];
  /** Axes along which kept sets differ, e.g. [] for hidden, ["layer"] for mlp, ["layer", "group"] for query. */
  readonly along: readonly { readonly name: string; readonly size: number }[];
  readonly size: number;
  /** Axes after the unit's own, for criteria that keep some: a unit then has a number for each place of these. */
  readonly within: readonly { readonly name: string; readonly size: number }[];
  /**
   * Whether the outputs are of runs of units that stand together, the shortest first and those in the order of their first
   * units: how much each matters. A cut then takes out the run that matters least.
   */
  readonly runs: boolean;
}

export interface ScoreStage {
  readonly kind: "score";
  readonly name: string;
  readonly model: string;
  /** Of products with the model's weights. */
  readonly arithmetic: Arithmetic;
  readonly pass: { readonly kind: "sweep"; readonly sweep: Sweep } | AnswerPass;
  readonly tables: readonly ScoreTable[];
}

export interface LearnedMap {
  readonly name: string;
  readonly to: number;
  readonly from: number;
  /** Byte offset in the arena. */
  readonly offset: number;
}

/**
 * What is kept on disk of a teacher, window by window, and read in its place: of each token's logits the largest, their
 * places, and numbers that follow from the teacher alone. The distillation's programs take them as feeds by the names of
 * this one's outputs.
 */
export interface KeptLogits {
  /** Logits kept of a token. */
  readonly count: number;
  /** In the file: of a place, an unsigned integer; and of a token, its logits and numbers being f32. */
  readonly placeBytes: 2 | 4;
  readonly tokenBytes: number;
  /** Outputs of the program: [window, position, count] twice, then one [window, position] for each number. */
  readonly values: string;
  readonly places: string;
  readonly numbers: readonly string[];
  /** Makes them for so many windows, from the teacher's weights. */
  readonly program: string;
  readonly windows: number;
  /** Windows that the training sees, at most. */
  readonly total: number;
}

export interface DistillStage {
  readonly kind: "distill";
  readonly name: string;
  /** Starts as a copy of this model's weights. */
  readonly student: string;
  readonly teacher: string | null;
  /** Of products with the teacher's weights; the student's are f32. */
  readonly arithmetic: Arithmetic;
  readonly data: string;
  readonly steps: number;
  /** Windows per step (`accumulate` micro-batches of `micro` windows each). */
  readonly windows: number;
  readonly micro: number;
  /** What the backward pass computes again of each layer: what is cheap, or all of it. */
  readonly recompute: "cheap" | "layers";
  /**
   * Of each of the states `${name}.weights`, `.gradients`, `.first` and `.second`: the student's weights as its layout says,
   * then the learned maps.
   */
  readonly arenaBytes: number;
  /** Matrices that the loss maps the student's states by, trained on the way and then left: [to, from], f32. */
  readonly maps: readonly LearnedMap[];
  /** What the forward pass of a micro-batch keeps for the backward pass, in bytes. */
  readonly activationBytes: number;
  /** Forward, backward; gradients accumulate into state `${name}.gradients`. Feed scalars: none. Output "loss". */
  readonly gradient: string;
  /** Clip and AdamW. Feed scalars "rate", "bias1", "bias2" (1 − beta^t). Output "norm". */
  readonly update: string;
  readonly beta: readonly [number, number];
  /** Learning rate at variables "step" (from 0) and "steps". */
  readonly rate: Scalar;
  readonly checkpointEvery: number;
  /** Null where a teacher is there itself, or there is none. */
  readonly kept: KeptLogits | null;
  /** Null where the student is no candidate of a search. */
  readonly candidate: Candidacy | null;
}

export interface EvaluateStage {
  readonly kind: "evaluate";
  /** Of products with the models' weights. */
  readonly arithmetic: Arithmetic;
  /** Where the data are questions; else empty. */
  readonly choices: readonly ChoiceEntry[];
  /** One sweep per model; its `finish` outputs are the metrics by name. */
  readonly entries: readonly {
    readonly model: string;
    readonly sweep: Sweep;
    readonly metrics: readonly string[];
  }[];
  /** Null where its models are no candidates of a search. */
  readonly candidate: CandidateOf | null;
}

/** Variables are "params(NAME)" and "METRIC(NAME)", as written in the spec. */
export interface ExpectStage {
  readonly kind: "expect";
  readonly conditions: readonly {
    readonly text: string;
    readonly left: Scalar;
    readonly relation: "<=" | ">=" | "<" | ">" | "==" | "!=";
    readonly right: Scalar;
  }[];
}

export type ExportStage = {
  readonly kind: "export";
  readonly model: string;
  /** Relative to the run's output folder's parent rules: see runtime/export.ts. */
  readonly path: string;
} & (
  | { readonly gguf: null; readonly dtype: "f32" | "f16" | "bf16" }
  | { readonly gguf: GgufTarget; readonly dtype: "f32" | "f16" | "bf16" | "q8_0" }
);

export type Stage =
  | OpenStage
  | RandomStage
  | ScoreStage
  | PruneStage
  | DistillStage
  | EvaluateStage
  | RankStage
  | BestStage
  | ExpectStage
  | ExportStage;

/** A stage about a candidate, compiled when its turn comes: by then it may have been left out. */
export interface WaitingStage {
  readonly kind: "waiting";
  /** What is known of it before. */
  readonly does:
    | Pick<
        DistillStage,
        | "kind"
        | "name"
        | "student"
        | "teacher"
        | "arithmetic"
        | "data"
        | "steps"
        | "windows"
        | "candidate"
      >
    | (Pick<EvaluateStage, "kind" | "arithmetic" | "candidate"> & {
        readonly models: readonly string[];
      });
}

/** A stage with the programs that it runs. */
export interface Part {
  readonly stage: Stage;
  readonly programs: Readonly<Record<string, Program>>;
  readonly kernels: Readonly<Record<string, Kernel>>;
}

/** Stages as far as they do not depend on what the run finds. */
export interface Chapter {
  readonly models: Readonly<Record<string, ModelLayout>>;
  readonly stages: readonly (Stage | WaitingStage)[];
  readonly programs: Readonly<Record<string, Program>>;
  readonly kernels: Readonly<Record<string, Kernel>>;
  /** What these stages decide; null where nothing follows. */
  readonly decision: Decision | null;
}

/** Where the stages that follow depend on which candidate of a search is the best. */
export interface Decision {
  readonly search: string;
  /** The name that the best one has from there on. */
  readonly model: string;
  /** What follows by the candidate's id; those that are compiled when it is known are not among them. */
  readonly chapters: Readonly<Record<string, Chapter>>;
}

export interface Plan extends Chapter {
  readonly format: 1;
  /** Of the spec, for people. */
  readonly title: string;
  readonly seed: number;
  /** What it is compiled for, in bytes: the largest binding, and the device memory that a stage may take, where that is said. */
  readonly limits: { readonly maxBinding: number; readonly memory: number | null };
  /** Resolved parameters, after profiles and --set, for the lock and `explain`. */
  readonly settings: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, DataSource>>;
  /** Sources the plan was made from: path → sha256, `stdlib/…` and `use`d files and config.json among them. */
  readonly sources: Readonly<Record<string, string>>;
}

/** A plan of which nothing waits. */
export interface WholePlan extends Plan {
  readonly stages: readonly Stage[];
}
