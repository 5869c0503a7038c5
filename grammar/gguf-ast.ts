/** The syntax of what an architecture says of GGUF, and of pre-tokenizers. */
import type { ConfigItem, RequireItem, Statement } from "./ast.js";
import type { Expr, Name, StringExpr } from "./expression.js";
import type { Span } from "./span.js";

/** `key tiny.rope.freq_base float = rope_theta ?? 10000`: a key of GGUF's metadata and what it holds. */
export interface GgufKeyItem {
  readonly kind: "gguf-key";
  readonly path: readonly Name[];
  /** A floating-point number, also where it is whole. */
  readonly real: boolean;
  readonly value: Expr;
  readonly span: Span;
}

/**
 * `tensor q_proj "blk.{layer}.attn_q.weight" interleave dim 2`: where GGUF keeps a weight, with so many equal parts of an
 * axis taking turns; `plus 1`: with a number added.
 */
export interface GgufTensorItem {
  readonly kind: "gguf-tensor";
  readonly weight: Name;
  readonly file: StringExpr;
  readonly interleave: { readonly axis: Name; readonly parts: Expr } | null;
  readonly plus: Expr | null;
  readonly span: Span;
}

/** `gguf "tiny" { … }`: how GGUF files of this architecture spell its config.json and its tensors. */
export interface GgufItem {
  readonly kind: "gguf";
  readonly name: StringExpr;
  readonly items: readonly (GgufKeyItem | GgufTensorItem | ConfigItem | RequireItem)[];
  readonly span: Span;
}

/**
 * `pretokenizer plain for "pairs:default" { … }`: how a tokenizer cuts a text before its merges, under the names that
 * GGUF has for it.
 */
export interface PretokenizerDecl {
  readonly kind: "pretokenizer";
  readonly name: Name;
  readonly labels: readonly StringExpr[];
  readonly steps: readonly Statement[];
  readonly doc: string | null;
  readonly span: Span;
}
