/**
 * The syntax tree of a `.prune` file: recipes and libraries in one grammar.
 * Plain data; every node has the exact span of its own text. Nothing here is checked:
 * what a statement means is decided by the compiler from the library's signatures.
 */
import type { Expr, Name, NumberExpr, StringExpr } from "./expression.js";
import type { GgufItem, PretokenizerDecl } from "./gguf-ast.js";
import type { Span } from "./span.js";

export type * from "./expression.js";
export type * from "./gguf-ast.js";

// ── recipes ──────────────────────────────────────────────────────────────────────────────────

export interface EditionDecl {
  readonly kind: "edition";
  readonly version: NumberExpr;
  readonly span: Span;
}

/** `use minitron`, `use minitron.activation`, `use "./house.prune" as house`. */
export interface UseDecl {
  readonly kind: "use";
  readonly source: StringExpr | readonly Name[];
  readonly alias: Name | null;
  readonly span: Span;
}

/** `param budget = 8B params` (overridable by --set) and `let grain = 256` (not). */
export interface BindingDecl {
  readonly kind: "binding";
  readonly keyword: "param" | "let";
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

export type StageKeyword =
  | "model"
  | "data"
  | "score"
  | "search"
  | "prune"
  | "distill"
  | "evaluate"
  | "export";

/** `of teacher`, `on speeches`, `from teacher`, `using merit`, `to "out/x"`. */
export interface Clause {
  readonly word: "of" | "on" | "from" | "using" | "to";
  readonly wordSpan: Span;
  readonly value: Expr;
  readonly span: Span;
}

/**
 * One line of a block: its head names and what follows, e.g. `hidden 128 -> 96` (heads [hidden], items [arrow]),
 * `hidden, mlp by activation(batch: l2)` (heads [hidden, mlp], items [name by, call]), `take 64 windows`.
 */
export interface Statement {
  readonly kind: "statement";
  readonly heads: readonly Name[];
  readonly items: readonly Expr[];
  readonly span: Span;
}

/**
 * Any stage of a recipe. Forms by keyword: `model NAME = EXPR {…}`, `data NAME = EXPR {…}`,
 * `score NAME of M on D {…}`, `prune NAME from M using S {…}`, `distill NAME = STUDENT from TEACHER on D {…}`,
 * `evaluate A, B on D {…}`, `export NAME to "path" {…}`. `body` is null where no braces are written.
 */
export interface StageDecl {
  readonly kind: "stage";
  readonly keyword: StageKeyword;
  readonly keywordSpan: Span;
  readonly names: readonly Name[];
  readonly value: Expr | null;
  readonly clauses: readonly Clause[];
  readonly body: readonly Statement[] | null;
  readonly doc: string | null;
  readonly span: Span;
}

export interface ExpectDecl {
  readonly kind: "expect";
  readonly conditions: readonly Expr[];
  readonly span: Span;
}

/** One line of a profile: `healed.stop = 50K tokens`, `budget = 0.8M params`. */
export interface Override {
  readonly path: readonly Name[];
  readonly value: Expr;
  readonly span: Span;
}

export interface ProfileDecl {
  readonly kind: "profile";
  readonly name: Name;
  readonly overrides: readonly Override[];
  readonly span: Span;
}

// ── libraries ────────────────────────────────────────────────────────────────────────────────

/**
 * One stored dimension: the axes flattened into it, outermost first. `[group query dim, hidden]` has two. Where several
 * weights stand one after another along it, `parts` are their own axes, after those that all have:
 * `[group query dim | group dim | group dim, hidden]`, `[head (dim | dim | dim), hidden]`.
 */
export interface Dimension {
  readonly axes: readonly Name[];
  /** Empty where there is one weight. */
  readonly parts: readonly (readonly Name[])[];
  readonly span: Span;
}

/**
 * A parameter of a function, criterion, loss, schedule, metric or forward pass:
 * `temperature = 1`, `target [window, position, vocab] = teacher.logits`, `tokens [window, position] of vocab`,
 * `from -> to` (name `from`, arrowTo `to`: the argument is an arrow).
 */
export interface Parameter {
  readonly name: Name;
  readonly arrowTo: Name | null;
  readonly dims: readonly Dimension[] | null;
  readonly indexOf: Name | null;
  readonly fallback: Expr | null;
  readonly span: Span;
}

/** The lines of a definition: assignments, then the value (null where the definition gives named values only). */
export interface Body {
  readonly lines: readonly BodyLine[];
  readonly result: Expr | null;
  readonly span: Span;
}

export type BodyLine = AssignLine | TapLine | StateLine | EachLine | RequireItem;

/** `x = x + h . down` */
export interface AssignLine {
  readonly kind: "assign";
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** `tap hidden: n`, `tap layer: x, y`, `tap mlp before: m . up`, `tap mlp: h into down`: what a criterion may look at to score the axis. */
export interface TapLine {
  readonly kind: "tap";
  readonly axis: Name;
  /** What tells it from the axis' usual tap. */
  readonly name: Name | null;
  readonly values: readonly Expr[];
  /** `into down, down_bias`: the weight that the value is multiplied with, and the bias that is added then. */
  readonly into: { readonly weight: Name; readonly bias: Name | null } | null;
  readonly span: Span;
}

/** `state output: z`: what a loss may look at, by this name; within `each`, one of every layer. */
export interface StateLine {
  readonly kind: "state";
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** `each layer { … }` in a forward pass. */
export interface EachLine {
  readonly kind: "each";
  readonly axis: Name;
  readonly lines: readonly BodyLine[];
  readonly span: Span;
}

/**
 * `axis dim = head_dim ?? hidden_size / num_attention_heads`: names on the right are keys of config.json or earlier axes.
 * `in pairs` after it: units half the axis apart are kept or cut together; `in adjacent pairs`: neighbours are.
 */
export interface AxisItem {
  readonly kind: "axis";
  readonly name: Name;
  readonly value: Expr;
  /** Of a share of 0.5 in `in adjacent pairs of 0.5`, from the front; null where it is the whole axis. */
  readonly pairs: { readonly adjacent: boolean; readonly share: Expr | null } | null;
  readonly doc: string | null;
  readonly span: Span;
}

/** `config num_attention_heads = group * query`: how a key of the new config.json follows from the axes. */
export interface ConfigItem {
  readonly kind: "config";
  readonly key: Name;
  readonly value: Expr;
  readonly span: Span;
}

/**
 * `require hidden_act == "silu"`: what this description can express; otherwise `check` says so. In a forward pass, of
 * what depends on the windows: `require size(position) <= size(place)`. A text after it says what is the matter.
 */
export interface RequireItem {
  readonly kind: "require";
  readonly condition: Expr;
  readonly reason: StringExpr | null;
  readonly span: Span;
}

/** `advise mod(hidden_size, num_attention_heads) == 0 "transformers …"`: what others want of a folder that is written. */
export interface AdviseItem {
  readonly kind: "advise";
  readonly condition: Expr;
  readonly reason: StringExpr;
  readonly span: Span;
}

/**
 * `weight q_bias "…{layer}….bias" [group query dim] when attention_bias else 0`, and of several in one tensor
 * `weight gate, up "…{layer}….weight" [mlp | mlp, hidden]`. A weight whose condition is false is absent from the file and reads as `otherwise` (0 where it is not written).
 */
export interface WeightItem {
  readonly kind: "weight";
  readonly names: readonly Name[];
  readonly file: StringExpr;
  readonly dims: readonly Dimension[];
  /** `starts 1`: its entries in a model that has not been trained; null where the rule for all weights holds. */
  readonly start: Expr | null;
  readonly condition: Expr | null;
  readonly otherwise: Expr | null;
  readonly span: Span;
}

/** `each layer { weight …, config … }`: a key within is a list in config.json, with an entry for each layer. */
export interface EachItem {
  readonly kind: "each-item";
  readonly axis: Name;
  readonly items: readonly (WeightItem | ConfigItem)[];
  readonly span: Span;
}

/** `forward(tokens [window, position] of vocab) { … }`: the names assigned at its top level are its outputs. */
export interface ForwardItem {
  readonly kind: "forward";
  readonly parameters: readonly Parameter[];
  readonly body: Body;
  readonly span: Span;
}

/** `prefix "transformer."`: how names of tensors begin, which files may leave out. */
export interface PrefixItem {
  readonly kind: "prefix";
  readonly text: StringExpr;
  readonly span: Span;
}

/** `ignore "*.attn.bias"`: tensors that are no weights; `*` stands for anything. */
export interface IgnoreItem {
  readonly kind: "ignore";
  readonly names: readonly StringExpr[];
  readonly span: Span;
}

/**
 * `ignore config torch_dtype, use_cache`: keys of config.json that change nothing here and of which nothing is said; by
 * itself in a file, for every architecture.
 */
export interface IgnoreConfig {
  readonly kind: "ignore-config";
  readonly keys: readonly (Name | StringExpr)[];
  readonly span: Span;
}

/** `cut embed = embed * sqrt(before.hidden / hidden)`: what becomes of a weight's numbers where axes are cut. */
export interface CutItem {
  readonly kind: "cut";
  readonly weight: Name;
  readonly value: Expr;
  readonly span: Span;
}

export type ArchitectureItem =
  | CutItem
  | PrefixItem
  | IgnoreItem
  | IgnoreConfig
  | GgufItem
  | AxisItem
  | ConfigItem
  | RequireItem
  | AdviseItem
  | WeightItem
  | EachItem
  | ForwardItem;

/** `architecture NAME for "CLASS" { … }` */
export interface ArchitectureDecl {
  readonly kind: "architecture";
  readonly name: Name;
  readonly classes: readonly StringExpr[];
  readonly items: readonly ArchitectureItem[];
  readonly doc: string | null;
  readonly span: Span;
}

/**
 * `function rms_norm[channel](x, scale, eps) { … }`, `loss NAME(…) { … }`, `schedule cosine(from -> to, warmup = 0%) { … }`,
 * `metric perplexity { … }`, `criterion activation(batch = l2, position = mean) of tap x { … }`,
 * `criterion magnitude of weight w { … }`, `of tap x, weight w`, `of run before, after`, `of rest m`, `of gap m`. `NAME(…) = EXPR` is the short form of a body with a result only.
 */
export interface DefinitionDecl {
  readonly kind: "definition";
  readonly keyword: "function" | "loss" | "schedule" | "metric" | "criterion" | "fold";
  readonly keywordSpan: Span;
  /** `private function …`: seen within its file alone. */
  readonly isPrivate: boolean;
  readonly name: Name;
  readonly axes: readonly Name[];
  readonly parameters: readonly Parameter[];
  /** Of criteria: what it looks at; null where that is nothing. Of metrics: `of choice` or `of answer` where it judges choices. */
  readonly subject: {
    readonly of: "tap" | "weight" | "run" | "rest" | "gap" | "choice" | "answer";
    readonly names: readonly Name[];
    /** `of tap x, weight w`: the weight that what is tapped goes into. */
    readonly weight: Name | null;
    /** `of tap x keeps a`: axis parameters of which a unit has a score for each place; what else is left over is summed. */
    readonly keeps: readonly Name[];
    readonly span: Span;
  } | null;
  readonly body: Body;
  readonly short: boolean;
  readonly doc: string | null;
  readonly span: Span;
}

export type Declaration =
  | PretokenizerDecl
  | EditionDecl
  | UseDecl
  | BindingDecl
  | StageDecl
  | ExpectDecl
  | ProfileDecl
  | IgnoreConfig
  | ArchitectureDecl
  | DefinitionDecl;

/** A comment with its place; the formatter puts it back. `///` comments also appear as `doc` on what follows. */
export interface Comment {
  readonly text: string;
  readonly span: Span;
}

export interface SourceFile {
  readonly kind: "file";
  /** The name shown in diagnostics. */
  readonly path: string;
  readonly text: string;
  readonly declarations: readonly Declaration[];
  readonly comments: readonly Comment[];
  readonly span: Span;
}
