/**
 * Windows of tokens: N + 1 each, N apart, so that every token but the first is predicted once. Documents are joined before
 * they are cut, or each is cut by itself; a short rest is left out.
 */
import type { TokenStore } from "./token-store.js";

/** How many whole windows of `size` + 1 tokens fit. */
export const windowsIn = (tokens: number, size: number): number =>
  Math.max(0, Math.floor((tokens - 1) / size));

export interface WindowCutter {
  /** Takes a document's tokens. */
  readonly add: (document: Uint32Array) => void;
  /** Windows of what was added so far. */
  readonly count: () => number;
  /** The N + 1 tokens of a window. */
  readonly at: (index: number) => Uint32Array;
}

const checked = (index: number, count: number): number => {
  if (!Number.isInteger(index) || index < 0 || index >= count)
    throw new RangeError(`window ${index} of ${count}`);
  return index;
};

/** One document after another; windows may hold the end of one and the beginning of the next. */
export const joinedWindows = (store: TokenStore, size: number): WindowCutter => {
  const count = (): number => windowsIn(store.length(), size);
  return {
    add: store.append,
    count,
    at: (index) => store.read(checked(index, count()) * size, size + 1),
  };
};

/** Each document by itself; kept are its windows, one after another. */
export const separateWindows = (store: TokenStore, size: number): WindowCutter => {
  const count = (): number => store.length() / (size + 1);
  return {
    add: (document) => {
      for (let window = 0; window < windowsIn(document.length, size); window++)
        store.append(document.subarray(window * size, (window + 1) * size + 1));
    },
    count,
    at: (index) => store.read(checked(index, count()) * (size + 1), size + 1),
  };
};
