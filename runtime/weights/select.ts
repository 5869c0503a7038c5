/** Which units of an axis are kept: the best by score, the same on every machine. */
import { RunError } from "../errors.js";

/** Indices of the `keep` highest of `scores`, ascending; of equal scores the lower index wins. */
export const bestOf = (scores: ArrayLike<number>, keep: number): number[] =>
  Array.from(scores, (score, index) => ({ score, index }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, keep)
    .map(({ index }) => index)
    .sort((a, b) => a - b);

/** As bestOf, of pairs i and i + n / 2, each worth the sum of its two scores. */
const bestPairs = (scores: readonly number[], keep: number): number[] => {
  const half = scores.length / 2;
  const pairs = Array.from({ length: half }, (_, i) => (scores[i] ?? 0) + (scores[i + half] ?? 0));
  const kept = bestOf(pairs, keep / 2);
  return [...kept, ...kept.map((unit) => unit + half)];
};

/**
 * Kept indices for each place of the `along` axes, row-major: `scores` is over `along`, then the axis of `size` units,
 * which may come in pairs.
 * RunError where a score is not a finite number: order among such has no meaning.
 */
export const selectKept = (
  scores: ArrayLike<number>,
  along: readonly number[],
  size: number,
  keep: number,
  paired = false,
): readonly (readonly number[])[] => {
  const places = along.reduce((product, length) => product * length, 1);
  if (scores.length !== places * size)
    throw new RunError(`${scores.length} scores where ${places} × ${size} are wanted`);
  if (keep < 1 || keep > size) throw new RunError(`cannot keep ${keep} of ${size}`);
  const all = Array.from(scores);
  const wrong = all.findIndex((score) => !Number.isFinite(score));
  if (wrong >= 0)
    throw new RunError(`the score of unit ${wrong % size} is ${all[wrong]}, not a finite number`);
  if (paired && (size % 2 > 0 || keep % 2 > 0))
    throw new RunError(`cannot keep ${keep} of ${size} units that come in pairs`);
  return Array.from({ length: places }, (_, place) => {
    const own = all.slice(place * size, (place + 1) * size);
    return paired ? bestPairs(own, keep) : bestOf(own, keep);
  });
};
