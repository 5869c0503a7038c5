/** Expressions of the syntax tree: recipes, libraries and conditions share them. */
import type { Span } from "./span.js";

export interface Name {
  readonly kind: "name";
  readonly name: string;
  readonly span: Span;
}

// ── expressions ──────────────────────────────────────────────────────────────────────────────

export type BinaryOp =
  | "+"
  | "-"
  | "*"
  | "/"
  | "^"
  | "." // contraction over the shared axes
  | "??"
  | "<="
  | ">="
  | "<"
  | ">"
  | "=="
  | "!="
  | "and"
  | "or"
  | "of" // `60% of params(teacher)`
  | "±"; // `budget ± 5%`

/** A number as written; `value` has its magnitude suffix applied (`8B` is 8e9). */
export interface NumberExpr {
  readonly kind: "number";
  readonly value: number;
  readonly text: string;
  readonly span: Span;
}

/** A number with a unit: `1.8B tokens`, `50%` (unit "%"), `2 GiB`, `40 steps`. The value is not converted. */
export interface QuantityExpr {
  readonly kind: "quantity";
  readonly value: number;
  readonly unit: string;
  readonly text: string;
  readonly unitSpan: Span;
  readonly span: Span;
}

export interface StringExpr {
  readonly kind: "string";
  readonly value: string;
  readonly span: Span;
}

/** `[0.9, 0.95]` */
export interface ListExpr {
  readonly kind: "list";
  readonly items: readonly Expr[];
  readonly span: Span;
}

/** `student.logits` (no space around the dot; with spaces it is a contraction). */
export interface MemberExpr {
  readonly kind: "member";
  readonly target: Expr;
  readonly member: Name;
  readonly span: Span;
}

/** `embed[tokens]`, `logits[labels]`: a gather by an integer tensor. */
export interface IndexExpr {
  readonly kind: "index";
  readonly target: Expr;
  readonly index: Expr;
  readonly span: Span;
}

export interface Argument {
  readonly name: Name | null;
  readonly value: Expr;
  readonly span: Span;
}

/** `divergence(temperature: 1)`, `rms_norm[hidden](x, scale)`: `axes` is empty where no brackets are written. */
export interface CallExpr {
  readonly kind: "call";
  readonly callee: Name | MemberExpr;
  readonly axes: readonly Name[];
  readonly args: readonly Argument[];
  readonly span: Span;
}

export interface UnaryExpr {
  readonly kind: "unary";
  readonly op: "-" | "not";
  readonly operand: Expr;
  readonly span: Span;
}

export interface BinaryExpr {
  readonly kind: "binary";
  readonly op: BinaryOp;
  readonly opSpan: Span;
  readonly left: Expr;
  readonly right: Expr;
  readonly span: Span;
}

/** `128 -> 96`, or `-> 96` with `from` null. */
export interface ArrowExpr {
  readonly kind: "arrow";
  readonly from: Expr | null;
  readonly to: Expr;
  readonly span: Span;
}

/** `29..32`, `4096..5120 step 256`. */
export interface RangeExpr {
  readonly kind: "range";
  readonly from: Expr;
  readonly to: Expr;
  readonly step: Expr | null;
  readonly span: Span;
}

export type Expr =
  | Name
  | NumberExpr
  | QuantityExpr
  | StringExpr
  | ListExpr
  | MemberExpr
  | IndexExpr
  | CallExpr
  | UnaryExpr
  | BinaryExpr
  | ArrowExpr
  | RangeExpr;
