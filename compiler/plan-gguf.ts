/** The plan's part about GGUF files: names, orders and tokenizers, so that the runtime need not know any. */

/** Where a GGUF file keeps a tensor of the model. */
export interface GgufTensor {
  /** The tensor's name in a Hugging Face folder, and in the GGUF file. */
  readonly file: string;
  readonly tensor: string;
  /** So many equal parts of an axis take turns in the GGUF file; null where units stand as they do in the folder. */
  readonly interleave: { readonly axis: string; readonly parts: number } | null;
  /** How the GGUF file has the tensor's dimensions; null where as the folder has them. */
  readonly order: GgufOrder | null;
  /** What the folder's numbers are multiplied by in the GGUF file, and what is added then. */
  readonly times: number;
  readonly plus: number;
}

/** Numbers that a GGUF file has besides the weights, as a tensor of one dimension. */
export interface GgufList {
  readonly tensor: string;
  readonly values: readonly number[];
}

/** What lists with an entry for each layer must hold, where the run decides which layers stay. */
export interface LayerRule {
  /** Keys of config.json. */
  readonly keys: readonly string[];
  /** For each layer, the entries under these keys that it may have, any one of them. */
  readonly fits: readonly (readonly (readonly unknown[])[])[];
}

/** A tensor whose axes stand in another order in the GGUF file. */
export interface GgufOrder {
  /** Sizes of the axes in the folder's order, the last one running fastest. */
  readonly sizes: readonly number[];
  /** For each axis in the GGUF file, which it is among these. */
  readonly axes: readonly number[];
  /** The dimensions in the GGUF file, each of one or several of the axes. */
  readonly shape: readonly number[];
}

/** How a tokenizer cuts a text before it merges, with the names that GGUF has for it. */
export interface Pretokenizer {
  /** `tokenizer.ggml.model`, a colon, `tokenizer.ggml.pre`. */
  readonly labels: readonly string[];
  /**
   * "pairs": merges are listed; "pieces": they follow from scores, and a text is not cut at all; "likeliest": of all ways to
   * make it of pieces the one whose scores sum to most is taken.
   */
  readonly kind: "pairs" | "pieces" | "likeliest";
  /** The `pre_tokenizer` of a tokenizer.json of pairs. */
  readonly definition: Readonly<Record<string, unknown>>;
  /** The `normalizer` that goes with it, or null. */
  readonly normalizer: Readonly<Record<string, unknown>> | null;
  /** Whether a piece that is a token stays one, whatever the merges would make of it. */
  readonly tokensFirst: boolean;
}

/** How a GGUF file is read. */
export interface GgufSource {
  readonly tensors: readonly GgufTensor[];
  /** Tensors that are no weights: what they hold is in the config. */
  readonly lists: readonly string[];
  readonly pretokenizers: readonly Pretokenizer[];
  /** What the file's metadata says, as config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Keys of it that are floating-point numbers, also where they are whole. */
  readonly floats: readonly string[];
}

/** A key of GGUF's metadata. */
export type GgufKey = { readonly key: string } & (
  | { readonly type: "u32" | "f32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "text"; readonly value: string }
);

/** How a GGUF file is written. */
export interface GgufTarget {
  readonly tensors: readonly GgufTensor[];
  readonly lists: readonly GgufList[];
  readonly layers: readonly LayerRule[];
  readonly pretokenizers: readonly Pretokenizer[];
  readonly keys: readonly GgufKey[];
}
