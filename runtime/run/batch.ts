/** Windows of a corpus in batches, and as the arrays that programs are fed. */
import type { BatchProgram } from "../../compiler/plan.js";
import type { Corpus } from "../data/corpus.js";
import { RunError } from "../errors.js";

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

/** The program of each batch and its windows: always the largest that those left still fill. */
export const batchesOf = (
  programs: readonly BatchProgram[],
  windows: readonly number[],
): readonly { readonly program: string; readonly windows: readonly number[] }[] => {
  const found: { readonly program: string; readonly windows: readonly number[] }[] = [];
  for (let done = 0; done < windows.length; ) {
    const left = windows.length - done;
    const batch = programs.find((each) => each.windows <= left);
    if (batch === undefined) throw new RunError(`no program of the plan fits ${left} windows`);
    found.push({ program: batch.program, windows: windows.slice(done, done + batch.windows) });
    done += batch.windows;
  }
  return found;
};
