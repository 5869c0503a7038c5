/** Windows over a stream of tokens: N + 1 tokens each, N apart, so that every token but the first is predicted once. */

export interface Windows {
  readonly count: number;
  /** The N + 1 tokens of a window. */
  readonly at: (index: number) => Uint32Array;
}

/** How many whole windows of `size` + 1 tokens fit. */
export const windowsIn = (tokens: number, size: number): number =>
  Math.max(0, Math.floor((tokens - 1) / size));

/** Cuts tokens into windows; a short one at the end is dropped. `most` limits them, null is all. */
export const cutWindows = (
  tokens: Uint16Array | Uint32Array,
  size: number,
  most: number | null,
): Windows => {
  const count = Math.min(windowsIn(tokens.length, size), most ?? Number.POSITIVE_INFINITY);
  return {
    count,
    at: (index) => {
      if (!Number.isInteger(index) || index < 0 || index >= count)
        throw new RangeError(`window ${index} of ${count}`);
      return Uint32Array.from(tokens.subarray(index * size, (index + 1) * size + 1));
    },
  };
};
