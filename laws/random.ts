/** Counter-based random numbers: each is a function of (seed, stream, counter), so arrays derive from small descriptions. */

const mix = (word: number): number => {
  let x = word | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
};

/** 32 random bits. */
export const randomWord = (seed: number, stream: number, counter: number): number =>
  mix(mix(mix(seed + 0x9e3779b9) ^ (stream + 0x85ebca6b)) ^ (counter + 0xc2b2ae35));

/** Uniform in (-1, 1), never 0. */
export const randomValue = (seed: number, stream: number, counter: number): number =>
  (randomWord(seed, stream, counter) + 0.5) / 2 ** 31 - 1;

/** A whole number in [0, below). */
export const randomIndex = (seed: number, stream: number, counter: number, below: number): number =>
  randomWord(seed, stream, counter) % below;

/** A stream for a name. */
export const streamOf = (name: string): number =>
  [...name].reduce((hash, letter) => mix(hash ^ letter.charCodeAt(0)), 1);
