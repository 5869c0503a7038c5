/**
 * Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * SC11, section 4). A number is a function of key and counter alone, so nothing has to be saved to go on from any place.
 */

/** Four 32-bit words. */
export type Words = readonly [number, number, number, number];

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
/** The golden ratio and sqrt(3) - 1, as 32-bit fractions: what the key grows by each round. */
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** Upper 32 bits of the 64-bit product, by 16-bit halves. */
const multiplyHigh = (a: number, b: number): number => {
  const [aHigh, aLow] = [a >>> 16, a & 0xffff];
  const [bHigh, bLow] = [b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + other / 0x10000) >>> 0;
};

/** The four words at a counter under a key. */
export const philox = (counter: Words, key: readonly [number, number]): Words => {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const [low0, low1] = [Math.imul(MULTIPLIER_0, c0) >>> 0, Math.imul(MULTIPLIER_1, c2) >>> 0];
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
};

/** The key of a seed: its lower and upper 32 bits. */
export const keyOf = (seed: number): readonly [number, number] => [
  seed >>> 0,
  Math.floor(seed / 2 ** 32) >>> 0,
];

/** 32 bits of a name (FNV-1a over its UTF-8 bytes), to give each stage its own stream. */
export const streamOf = (name: string): number => {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
};

/** A whole number in [0, below) from 53 of the bits; `below` up to 2^32, with a bias under 2^-21. */
export const wholeBelow = (words: Words, below: number): number => {
  const fraction = words[0] * 2 ** 21 + (words[1] >>> 11);
  return Math.floor((fraction / 2 ** 53) * below);
};
