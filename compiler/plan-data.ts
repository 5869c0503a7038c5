/** The part of the plan that says what is read: texts in windows, mixtures of them, questions with choices. */

interface WindowedData {
  readonly name: string;
  /** Predicted tokens per window (windows hold one more). */
  readonly window: number;
  /** At most so many windows, from the front; null for all. */
  readonly take: number | null;
}

/** Documents of files, cut into windows. */
export interface DocumentSource extends WindowedData {
  readonly kind: "text" | "jsonl" | "parquet";
  /** Glob relative to the spec's folder. */
  readonly glob: string;
  /** What of a line or row is the document. */
  readonly field: string;
  /** Whether documents are joined before they are cut, or each is cut by itself. */
  readonly documents: "joined" | "apart";
}

/** Windows of other data, by weight. */
export interface MixSource extends WindowedData {
  readonly kind: "mix";
  readonly parts: readonly { readonly data: string; readonly weight: number }[];
}

/** Questions with choices, a line or row each; `window` is the most tokens of a question with a choice. */
export interface ChoiceSource extends WindowedData {
  readonly kind: "choices";
  readonly glob: string;
  /** The text before a choice, with `{field}` in the place of a field. */
  readonly prompt: string;
  /**
   * What in the prompt choices stand in the place of: what follows it is scored, after the text up to it with each choice.
   * Null where choices follow the prompt and are scored themselves.
   */
  readonly blank: string | null;
  /** Path of the field with the choices, or of a field for each; then that of the field which says the right one. */
  readonly choices: string | readonly string[];
  readonly answer: string;
  /** What the answer calls the choices: path of a list, or the names themselves; null: by number or letter. */
  readonly labels: string | readonly string[] | null;
  /** So many questions from the front stand answered before each of the others. */
  readonly shots: number;
}

export type DataSource = DocumentSource | MixSource | ChoiceSource;
