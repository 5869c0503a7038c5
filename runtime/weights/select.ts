/** Which units of an axis are kept: the best by score, the same on every machine. */
import type { Pairs } from "../../compiler/plan.js";
import { RunError } from "../errors.js";

/** Indices of the `keep` highest of `scores`, ascending; of equal scores the lower index wins. */
export const bestOf = (scores: ArrayLike<number>, keep: number): number[] =>
  Array.from(scores, (score, index) => ({ score, index }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, keep)
    .map(({ index }) => index)
    .sort((a, b) => a - b);

/**
 * For each unit that bestOf keeps, in its order, the cut unit that goes with it: of K kept, in order of their scores, unit i
 * (from 1) goes with cut unit 2K − i + 1; where there is none, with itself.
 */
export const partnersOf = (scores: ArrayLike<number>, keep: number): number[] => {
  const ranked = Array.from(scores, (score, index) => ({ score, index })).sort(
    (a, b) => b.score - a.score || a.index - b.index,
  );
  return bestOf(scores, keep).map((unit) => {
    const rank = ranked.findIndex(({ index }) => index === unit);
    return ranked[2 * keep - 1 - rank]?.index ?? unit;
  });
};

/** RunError where a score is not a finite number: order among such has no meaning. */
const requireFinite = (scores: readonly number[], called: (place: number) => string): void => {
  const wrong = scores.findIndex((score) => !Number.isFinite(score));
  if (wrong >= 0)
    throw new RunError(`the score of ${called(wrong)} is ${scores[wrong]}, not a finite number`);
};

/**
 * All of `size` units but the run of `size - keep` whose score is least (of equal ones the first). `scores` are of all runs,
 * the shortest first and those in the order of their first units, or of those of that length alone. RunError where a score
 * is not a finite number.
 */
export const withoutRun = (scores: ArrayLike<number>, size: number, keep: number): number[] => {
  if (keep < 1 || keep > size) throw new RunError(`cannot keep ${keep} of ${size}`);
  const all = Array.from(scores);
  requireFinite(all, (place) => `run ${place}`);
  const length = size - keep;
  const units = Array.from({ length: size }, (_, unit) => unit);
  if (length === 0) return units;
  const ofLength = all.length === keep + 1;
  if (!ofLength && all.length !== (size * (size + 1)) / 2)
    throw new RunError(`${all.length} scores where those of all runs of ${size} are wanted`);
  // Of runs of n units there are size - n + 1.
  const before = Array.from({ length: length - 1 }, (_, less) => size - less);
  const from = ofLength ? 0 : before.reduce((sum, count) => sum + count, 0);
  const own = all.slice(from, from + keep + 1);
  const start = own.indexOf(Math.min(...own));
  return units.filter((unit) => unit < start || unit >= start + length);
};

/** The pairs of so many units. */
export const pairsOf = (units: number, pairs: Pairs): readonly (readonly [number, number])[] => {
  const half = pairedOf(units, pairs) / 2;
  return Array.from({ length: half }, (_, i) =>
    pairs.adjacent ? [2 * i, 2 * i + 1] : [i, i + half],
  );
};

/** How many of so many units come in pairs. */
const pairedOf = (units: number, { share }: Pairs): number =>
  Math.floor(Number((units * share).toPrecision(12)));

/** As bestOf, of pairs at the front, each worth the sum of its two scores, and of single units; of what is kept as many are paired. */
const bestPairs = (scores: readonly number[], keep: number, pairs: Pairs): number[] => {
  const [paired, kept] = [pairedOf(scores.length, pairs), pairedOf(keep, pairs)];
  const all = pairsOf(scores.length, pairs);
  const worth = all.map(([one, other]) => (scores[one] ?? 0) + (scores[other] ?? 0));
  const best = bestOf(worth, kept / 2).flatMap((pair) => all[pair] ?? []);
  const single = bestOf(scores.slice(paired), keep - kept).map((unit) => unit + paired);
  return [...best.toSorted((a, b) => a - b), ...single];
};

/**
 * Kept indices for each place of the `along` axes, row-major: `scores` is over `along`, then the axis of `size` units, of
 * which some may come in pairs. RunError where a score is not a finite number.
 */
export const selectKept = (
  scores: ArrayLike<number>,
  along: readonly number[],
  size: number,
  keep: number,
  paired: Pairs | null = null,
): readonly (readonly number[])[] => {
  const places = along.reduce((product, length) => product * length, 1);
  if (scores.length !== places * size)
    throw new RunError(`${scores.length} scores where ${places} × ${size} are wanted`);
  if (keep < 1 || keep > size) throw new RunError(`cannot keep ${keep} of ${size}`);
  const all = Array.from(scores);
  requireFinite(all, (place) => `unit ${place % size}`);
  if (paired !== null && (pairedOf(size, paired) % 2 > 0 || pairedOf(keep, paired) % 2 > 0))
    throw new RunError(`cannot keep ${keep} of ${size} units that come in pairs`);
  return Array.from({ length: places }, (_, place) => {
    const own = all.slice(place * size, (place + 1) * size);
    return paired === null ? bestOf(own, keep) : bestPairs(own, keep, paired);
  });
};
