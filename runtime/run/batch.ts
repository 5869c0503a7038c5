/** Windows of a corpus as the arrays that programs are fed. */
import type { Corpus } from "../data/corpus.js";

export interface Batch {
  readonly tokens: Uint32Array;
  readonly labels: Uint32Array;
}

/** Tokens [window, position] and the labels one further on. */
export const batchOf = (corpus: Corpus, windows: readonly number[]): Batch => {
  const size = corpus.window;
  const tokens = new Uint32Array(windows.length * size);
  const labels = new Uint32Array(windows.length * size);
  windows.forEach((index, row) => {
    const window = corpus.at(index);
    tokens.set(window.subarray(0, size), row * size);
    labels.set(window.subarray(1, size + 1), row * size);
  });
  return { tokens, labels };
};
