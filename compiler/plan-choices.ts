/** The plan's part about questions with choices: what is computed of a choice, and what is measured. */

import type { Scalar } from "./plan-program.js";

/** A measure of a model over questions. */
export interface ChoiceMetric {
  readonly name: string;
  /** How often the right choice has the best score, of equal ones the first; or the score of the right one on average. */
  readonly of: "choice" | "answer";
  /** Over the variables "likelihood" (log, in nats), "tokens", "characters" and "bytes" of a choice. */
  readonly score: Scalar;
}

/** A program that takes `windows` texts of at most `length` tokens, filled up, and gives logs of their labels' probabilities. */
export interface ChoiceLength {
  readonly length: number;
  readonly windows: number;
  readonly program: string;
}

/** How a model is measured by questions: log likelihoods of tokens by program, a score of each choice from their sums. */
export interface ChoiceEntry {
  readonly model: string;
  readonly data: string;
  readonly metrics: readonly ChoiceMetric[];
  /** In ascending order of length; each gives "likelihoods" [window, position]. */
  readonly lengths: readonly ChoiceLength[];
}

/** How layers are scored by questions: by what the model answers without them. */
export interface AnswerPass {
  readonly kind: "answers";
  readonly data: string;
  /** A seeded sample of so many; null for all. */
  readonly questions: number | null;
  /** As in ChoiceEntry, of several models at once: output "whole" where that is asked for, and the outputs of the table. */
  readonly lengths: readonly ChoiceLength[];
  readonly measures: readonly {
    /** What stands for it in the score. */
    readonly variable: string;
    readonly metric: ChoiceMetric;
    /** Of the whole model, or of the one without the layers of an output. */
    readonly of: "whole" | "rest";
  }[];
  /** Over the variables of `measures`. */
  readonly score: Scalar;
}
