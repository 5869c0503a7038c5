/** What the compiler may ask of the world. The runtime gives an implementation; tests give one in memory. */

import type { Parsed } from "../grammar/parse.js";
import type { Dtype } from "../kernels/operand.js";

export type ReadResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: "missing" | "unreadable" };

/**
 * config.json of a model folder, parsed, or the header of a GGUF file; `reason` says why not in one line. `text` stands
 * for what was read: equal texts mean equal models but for their weights.
 */
export type ConfigResult =
  | {
      readonly ok: true;
      readonly kind: "folder";
      readonly config: Readonly<Record<string, unknown>>;
      /** Types of tensors by name, f32 where they are read as such; null where the folder has no weights. */
      readonly dtypes: ReadonlyMap<string, Dtype> | null;
      readonly text: string;
    }
  | {
      readonly ok: true;
      readonly kind: "gguf";
      readonly header: GgufHeader;
      readonly text: string;
    }
  | {
      readonly ok: false;
      readonly reason: string;
      /** What to do about it; null where no more is known than that it must be another model. */
      readonly hint: string | null;
    };

export type Numbers =
  | { readonly ok: true; readonly values: readonly number[] }
  | { readonly ok: false; readonly reason: string };

/** Metadata by key, of lists only how long they are, and the names of tensors with their types, f32 where they are read as such. */
export interface GgufHeader {
  /** What a tensor of one dimension holds; null where there is none of the name. */
  numbers(tensor: string): Numbers | null;
  readonly metadata: ReadonlyMap<string, number | boolean | string | { readonly count: number }>;
  readonly tensors: ReadonlyMap<string, Dtype>;
  /** Why a tensor's numbers cannot be read, by name; most files have none such. */
  readonly unreadable: ReadonlyMap<string, string>;
}

/** Of a tokenizer. */
export interface Vocabulary {
  /** One more than the largest id. */
  readonly size: number;
  /** Equal where every token has the same id. */
  readonly hash: string;
  /** Tokens that stay however many are cut; null where none of them can be. */
  readonly least: number | null;
}

export interface Host {
  /** Text of a file beside the spec (a `use`d file): path as resolved by `join`. */
  readText(path: string): ReadResult;
  /** Joins a relative path to the folder of `from`. */
  join(from: string, relative: string): string;
  /** All files of the library, by path relative to stdlib ("functions/rope.prune"), in order of path; trees may be read lazily. */
  stdlib(): ReadonlyMap<string, Parsed>;
  /** What a model (relative to the spec) says of itself, without its weights. */
  readConfig(path: string): ConfigResult;
  /** The vocabulary of a model folder's tokenizer (relative to the spec); null where there is none to be read. */
  readVocabulary(path: string): Vocabulary | null;
  /** sha256 of a text, in hex. */
  hash(text: string): string;
}
