/** The syntax of what an architecture says of GGUF, and of pre-tokenizers. */
import type { ConfigItem, Dimension, RequireItem, Statement } from "./ast.js";
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
 * `tensor q_proj "blk.{layer}.attn_q.weight" interleave dim 2`: where GGUF keeps a weight (or several, which the folder has
 * in one tensor too), with so many equal parts of an axis taking turns; `[mlp, hidden]`: in dimensions of its own; `times 2`
 * and `plus 1`: multiplied, and with a number added then.
 */
export interface GgufTensorItem {
  readonly kind: "gguf-tensor";
  readonly weights: readonly Name[];
  readonly file: StringExpr;
  /** Null where they are the folder's. */
  readonly dims: readonly Dimension[] | null;
  readonly interleave: { readonly axis: Name; readonly parts: Expr } | null;
  readonly times: Expr | null;
  readonly plus: Expr | null;
  readonly span: Span;
}

/**
 * `list stretch "rope_freqs.weight" [pair: dim / 2] = … when …`: numbers that GGUF keeps in a tensor and config.json does
 * not keep as weights. Where files are read, `stretch` is the list, or null; where they are written and the condition holds,
 * the tensor is what the expression gives along the axis.
 */
export interface GgufListItem {
  readonly kind: "gguf-list";
  readonly name: Name;
  readonly file: StringExpr;
  readonly axis: { readonly name: Name; readonly size: Expr };
  readonly value: Expr;
  readonly condition: Expr | null;
  readonly span: Span;
}

/** `each layer { require … }`: what must hold of every layer's own entries of lists. */
export interface GgufEachItem {
  readonly kind: "gguf-each";
  readonly axis: Name;
  readonly items: readonly RequireItem[];
  readonly span: Span;
}

/**
 * `gguf "tiny" { … }`: how GGUF files of this architecture spell its config.json and its tensors; `gguf "tiny" written { … }`:
 * files that are written so, and read as another architecture's.
 */
export interface GgufItem {
  readonly kind: "gguf";
  readonly name: StringExpr;
  readonly written: boolean;
  readonly items: readonly (
    | GgufKeyItem
    | GgufTensorItem
    | GgufListItem
    | GgufEachItem
    | ConfigItem
    | RequireItem
  )[];
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
