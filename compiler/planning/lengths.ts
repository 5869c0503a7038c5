/** Lengths that texts are filled up to, so that few programs serve all of them. */

/** The shortest text that a program is made for. */
const SHORTEST = 32;

/** Lengths that texts from `first` to `last` tokens are filled up to: powers of two, then the window. */
export const lengthsFor = (first: number, last: number, window: number): number[] => {
  const lengths: number[] = [];
  for (let length = Math.min(SHORTEST, window); ; length = Math.min(2 * length, window)) {
    if (length >= first || length === window) lengths.push(length);
    if (length >= last || length === window) return lengths;
  }
};
