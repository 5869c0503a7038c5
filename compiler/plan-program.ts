/** The plan's programs: lists of dispatches over buffers, as plain JSON data. */

/**
 * A device buffer. "state" buffers live as long as the run and are shared by name between programs
 * (weights, gradients, optimiser moments, accumulators); "feed" buffers are written by the host before each execution;
 * "constant" buffers are filled once from `constants`; "scratch" is private and undefined at the start of an execution.
 */
export interface BufferSpec {
  readonly id: string;
  readonly role: "state" | "feed" | "constant" | "scratch" | "output";
  readonly bytes: number;
}

/** A range of a buffer. Offsets are multiples of 256, bytes of 4. */
export interface Binding {
  readonly buffer: string;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * One way to run a dispatch: the kernel's id in `Plan.kernels` (its name and, after the last hyphen, a hash of its text) and
 * the grid. All launches of a dispatch give the same values up to rounding.
 */
export interface Launch {
  readonly kernel: string;
  readonly workgroups: readonly [number, number, number];
}

export interface Dispatch {
  /** For people and profiles: family and what it computes, e.g. "matmul q_proj". */
  readonly label: string;
  /** Tuning key: dispatches with equal keys use the same index into `launches`. */
  readonly tuning: string;
  readonly launches: readonly Launch[];
  /** Bound at group 0, bindings 1, 2, … in order. Binding 0 is the uniform `params`. */
  readonly bindings: readonly Binding[];
  /** The uniform at binding 0, as 32-bit words (floats by their bits). Never empty. */
  readonly params: readonly number[];
  readonly flops: number;
  readonly bytes: number;
}

/** What the host writes into a feed buffer. */
export type FeedSource =
  | { readonly kind: "tokens" } // u32 [window, position]: the first N of each N + 1 tokens
  | { readonly kind: "labels" } // u32 [window, position]: the last N of each N + 1 tokens
  | { readonly kind: "places" } // u32 [window]: the position that is asked for
  | { readonly kind: "buckets"; readonly of: string; readonly size: number } // u32: starts[size + 1], then positions of feed `of` sorted stably by value
  | { readonly kind: "scalars" } // f32 values by name, given at each execution
  | { readonly kind: "rows" } // f32 rows of a weight that is not on the device, one for each token
  | { readonly kind: "kept"; readonly dtype: "f32" | "u32" }; // of each token, what was kept of a teacher

export interface Feed {
  readonly name: string;
  readonly binding: Binding;
  readonly source: FeedSource;
  /** Only for kind "scalars": the names in order, one f32 each. */
  readonly names?: readonly string[];
}

/** A constant filled once in float64 and rounded to f32: `value` over the named indices, row-major. */
export interface Constant {
  readonly binding: Binding;
  readonly axes: readonly { readonly name: string; readonly size: number }[];
  readonly value: Scalar;
}

export interface Output {
  readonly name: string;
  readonly binding: Binding;
  readonly axes: readonly { readonly name: string; readonly size: number }[];
}

export interface Program {
  readonly name: string;
  readonly buffers: readonly BufferSpec[];
  readonly feeds: readonly Feed[];
  readonly constants: readonly Constant[];
  readonly dispatches: readonly Dispatch[];
  /** What the host may read back afterwards (in "output" or "state" buffers). */
  readonly outputs: readonly Output[];
}

/** A WGSL shader with entry point `main`. */
export interface Kernel {
  readonly wgsl: string;
  readonly workgroup: readonly [number, number, number];
  /** WebGPU features it needs; a launch whose kernel the adapter cannot run is left out. */
  readonly features: readonly string[];
}

/** Scalar arithmetic as data: schedules over (step, steps), constants over axis indices, expectations over measures. */
export type Scalar =
  | { readonly op: "number"; readonly value: number }
  | { readonly op: "variable"; readonly name: string }
  | {
      readonly op:
        | "neg"
        | "exp"
        | "log"
        | "sqrt"
        | "abs"
        | "sin"
        | "cos"
        | "tanh"
        | "floor"
        | "not"
        | "add"
        | "sub"
        | "mul"
        | "div"
        | "pow"
        | "min"
        | "max"
        | "less"
        | "equal"
        | "select"
        | "mod";
      readonly args: readonly Scalar[];
    };
