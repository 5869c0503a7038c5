/** What contestants are asked to do: sizes and inputs, the same for each. Plain JSON, as it goes to other processes. */

/** A file of f32 (or u32, for tokens) in row-major order. */
export interface TensorFile {
  readonly path: string;
  readonly shape: readonly number[];
}

/**
 * C [m, n] = A · B; A is [m, k] or, for "tn", [k, m]; B is [k, n] or, for "nt", [n, k]. In f16 B is a frozen weight that is
 * stored so, and A is rounded to it; sums are f32.
 */
export interface ProductTask {
  readonly kind: "product";
  readonly layout: "nn" | "nt" | "tn";
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly arithmetic: "f32" | "f16";
  readonly a: TensorFile;
  readonly b: TensorFile;
}

/** Causal attention with grouped queries, scale 1/√dim; with `gradient`, the adjoints of q, k, v for that of the output too. */
export interface AttentionTask {
  readonly kind: "attention";
  readonly gradient: boolean;
  /** [window, position, group, query, dim] */
  readonly q: TensorFile;
  /** [window, position, group, dim] */
  readonly k: TensorFile;
  readonly v: TensorFile;
  /** The adjoint of the output, as q. */
  readonly d: TensorFile;
}

/** Mean over tokens of KL(softmax target ‖ softmax guess), and its gradient by the guess. */
export interface DivergenceTask {
  readonly kind: "divergence";
  /** [token, vocab] */
  readonly target: TensorFile;
  readonly guess: TensorFile;
}

/** Sizes of a Llama with tied embeddings, as config.json names them. */
export interface LlamaSizes {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly vocab_size: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
}

export interface LlamaFile {
  readonly sizes: LlamaSizes;
  /** All weights in one f32 file. */
  readonly path: string;
  /** By name in the checkpoint; `offset` in elements. */
  readonly weights: readonly {
    readonly name: string;
    readonly offset: number;
    readonly shape: readonly number[];
  }[];
}

/** The loss of each step is the result; time is that of a step under way. */
export interface DistillTask {
  readonly kind: "distill";
  /** For Espalier: a spec with one distillation, in the folder its paths start from. */
  readonly spec: string;
  readonly base: string;
  readonly teacher: LlamaFile;
  readonly student: LlamaFile;
  /** u32 [step, window, position + 1]. */
  readonly tokens: TensorFile;
  /** Learning rate of each step. */
  readonly rates: readonly number[];
  readonly beta: readonly [number, number];
  readonly epsilon: number;
  readonly clip: number;
}

/**
 * Importance of hidden, mlp and query by mean absolute activation over positions, then L2 over windows (Minitron,
 * section 2.2), and of layers by block influence. The result is their scores in that order, layer by layer.
 */
export interface ScoreTask {
  readonly kind: "score";
  readonly spec: string;
  readonly base: string;
  readonly model: LlamaFile;
  /** u32 [batch, window, position + 1], in the order that Espalier looks at them. */
  readonly tokens: TensorFile;
}

export type Task = ProductTask | AttentionTask | DivergenceTask | DistillTask | ScoreTask;
