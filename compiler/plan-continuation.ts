/** The part of the plan's data that goes on with a text. */
import type { ModelLayout } from "./plan-model.js";
import type { Kernel, Program } from "./plan-program.js";

export interface ContinuationLength {
  readonly length: number;
  readonly program: string;
  /** How one token more is done; null where that takes the whole text again. */
  readonly step: ContinuationStep | null;
}

/** Keys and values of the positions so far, which the whole text's program writes, and of a new one. */
export interface ContinuationStep {
  /** Logits of a `token` at a position, its `place`. */
  readonly program: string;
  readonly past: { readonly state: string; readonly bytes: number };
  readonly row: { readonly state: string; readonly bytes: number };
  /** Where each kept tensor begins in these states, and the bytes of a position of it. */
  readonly kept: readonly {
    readonly past: number;
    readonly row: number;
    readonly bytes: number;
  }[];
}

/** What goes on with a text: a model, and for each of a few lengths a program that gives the logits of the next token. */
export interface Continuation {
  readonly model: ModelLayout;
  /** In ascending order. A text is filled up to the next length; attention looks back only, so what fills it does not count. */
  readonly lengths: readonly ContinuationLength[];
  readonly programs: Readonly<Record<string, Program>>;
  readonly kernels: Readonly<Record<string, Kernel>>;
}
