/** What a run says while it works; the command line shows it as a bar, as plain lines or not at all. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  /** Tokens seen so far in this piece of work. */
  readonly tokens: number;
  readonly loss?: number;
  /** Which of several models the work is on. */
  readonly model?: string;
}

export interface Reporter {
  /** A stage begins: "distill healed", and what it does in a few words. */
  begin(stage: string, detail: string): void;
  progress(progress: Progress): void;
  /** The stage has ended; `summary` says what came of it. */
  end(summary: string): void;
  /** One line that is not progress: the adapter chosen, a warning, a result. */
  line(text: string): void;
}

export const silent: Reporter = {
  begin: () => {},
  progress: () => {},
  end: () => {},
  line: () => {},
};
