/** What is wrong with a source text, as data; `render.ts` makes it readable, `messages/` holds all wording. */
import type { Span } from "./span.js";

export type Severity = "error" | "warning" | "note";

/** A second place that explains the first, in any file. `text` is that file's source, for rendering. */
export interface Label {
  readonly path: string;
  readonly text: string;
  readonly span: Span;
  readonly message: string;
}

/** A mechanical correction: replace `span` by `replacement`. */
export interface Fix {
  readonly span: Span;
  readonly replacement: string;
}

export interface Diagnostic {
  /** A stable kebab-case code, a key of the registry in `messages/`. */
  readonly code: string;
  readonly severity: Severity;
  readonly path: string;
  readonly span: Span;
  /** One sentence, lower case, no full stop: what is there. */
  readonly message: string;
  /** Said beside the caret, e.g. "from config.json, \"hidden_size\": 6144". */
  readonly caret?: string;
  readonly labels?: readonly Label[];
  readonly hint?: string;
  readonly fix?: Fix;
}
