/** What a program is compiled for. Defaults are WebGPU's own, so that a plan runs on every adapter. */
import { type Arithmetic, DTYPE_BYTES, type Dtype } from "../../kernels/operand.js";
import type { Axis } from "../ir/tensor.js";
import type { Binding, Feed } from "../plan.js";

export interface Target {
  /** Largest storage binding in bytes; larger tensors are bound in pieces along their outermost axis. */
  readonly maxBinding: number;
  readonly maxStorageBuffers: number;
  /** Device memory that a stage may take, in bytes; null for as much as it needs. */
  readonly memory: number | null;
  /**
   * Tokens at a time through what is as wide as the vocabulary, where one such tensor would take at least so many bytes
   * (less does not pay for more dispatches); null for all at once.
   */
  readonly slices: { readonly tokens: number; readonly leastBytes: number } | null;
  /** Whether weights that nothing trains stay in the 16 bits of their files; false: all are f32. */
  readonly halves: boolean;
  /** False: every node its own kernel, to test that fusion changes nothing. */
  readonly fuse: boolean;
}

export const portableTarget: Target = {
  maxBinding: 128 * 2 ** 20,
  maxStorageBuffers: 8,
  memory: null,
  slices: { tokens: 128, leastBytes: 2 ** 20 },
  halves: true,
  fuse: true,
};

/** A part of a tensor, by bytes: `bytes` of the whole, and where the part begins, a multiple of 256. */
export interface Within {
  readonly bytes: number;
  readonly offset: number;
}

/**
 * Where an input of a graph lives. Feeds of indices need their `source`; `buckets` feeds are added by the lowering.
 * A "kept" value comes from a graph lowered before it into the same program.
 */
export type InputPlace =
  | {
      readonly kind: "state";
      readonly state: string;
      readonly stateBytes: number;
      readonly offset: number;
      /** What its numbers are stored in; f32 where nothing is said. */
      readonly dtype?: Dtype;
      /** What products with it may be computed in; f32 where nothing is said. */
      readonly arithmetic?: Arithmetic;
    }
  | { readonly kind: "feed"; readonly source: Feed["source"]; readonly within?: Within }
  | ({ readonly kind: "kept"; readonly value: string } & Within);

/**
 * Where an output of a graph goes: an own readable buffer, a range of a state, or a value that later graphs of the same
 * program read; added to what is there if `accumulate`.
 */
export type OutputPlace =
  | { readonly kind: "output" }
  | {
      readonly kind: "state";
      readonly state: string;
      readonly stateBytes: number;
      readonly offset: number;
      readonly accumulate: boolean;
    }
  | ({
      readonly kind: "kept";
      readonly value: string;
      readonly accumulate: boolean;
    } & Within);

export interface Placement {
  readonly inputs: ReadonlyMap<string, InputPlace>;
  readonly outputs: ReadonlyMap<string, OutputPlace>;
}

/** The binding of a whole tensor of f32 or u32. */
export const tensorBytes = (axes: readonly Axis[]): number =>
  Math.max(
    4,
    axes.reduce((n, a) => n * a.size, 4),
  );

/** The binding of a whole tensor of so many numbers in a type: whole words. */
export const storedBytes = (count: number, dtype: Dtype): number =>
  4 * Math.max(1, Math.ceil((count * DTYPE_BYTES[dtype]) / 4));

export type { Binding };
