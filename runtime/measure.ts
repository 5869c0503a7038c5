/**
 * Which of several ways to do the same work is fastest on this adapter, within a budget: the least of a few runs, as
 * whatever else the machine does only adds to them; all ways in turn, so that it adds to all alike.
 */

/** Milliseconds for `repeats` runs of a candidate, by its index. */
export type Timer = (candidate: number, repeats: number) => Promise<number>;

export interface MeasureOptions {
  readonly budgetMs: number;
  readonly now: () => number;
}

const ROUNDS = 3;
/** A sample should last this long, as waiting is only exact to about a millisecond. */
const SAMPLE_MS = 10;
const MOST_REPEATS = 256;
/** A later candidate must be better by this much, so that noise does not choose. */
const MARGIN = 0.95;
/** One so much slower on its first run is not measured further. */
const HOPELESS = 3;

/** How many runs make a sample, where one was seen to take `once` milliseconds. */
export const repeatsFor = (once: number): number =>
  Math.min(MOST_REPEATS, Math.max(1, Math.ceil(SAMPLE_MS / Math.max(once, 0.02))));

interface Candidate {
  readonly index: number;
  readonly repeats: number;
  ms: number;
}

const leastOf = (candidates: readonly Candidate[]): number =>
  Math.min(...candidates.map(({ ms }) => ms));

/** The first run of each compiles, and is not counted. */
const firstRuns = async (
  indices: readonly number[],
  time: Timer,
  spent: () => boolean,
): Promise<Candidate[]> => {
  const candidates: Candidate[] = [];
  for (const index of indices) {
    await time(index, 1);
    const ms = await time(index, 1);
    candidates.push({ index, ms, repeats: repeatsFor(ms) });
    if (spent()) break;
  }
  const most = leastOf(candidates) * HOPELESS + SAMPLE_MS / 4;
  return candidates.filter(({ ms }) => ms <= most);
};

/** The fastest candidate, as far as the budget allows to tell. */
export const fastest = async (
  indices: readonly number[],
  time: Timer,
  { budgetMs, now }: MeasureOptions,
): Promise<number> => {
  const start = now();
  const spent = (): boolean => now() - start > budgetMs;
  const candidates = await firstRuns(indices, time, spent);
  for (let round = 0; round < ROUNDS; round++)
    for (const candidate of candidates) {
      if (candidates.length === 1 || spent()) break;
      const { index, repeats } = candidate;
      candidate.ms = Math.min(candidate.ms, (await time(index, repeats)) / repeats);
    }
  let [best] = candidates;
  for (const candidate of candidates)
    if (best === undefined || candidate.ms < best.ms * MARGIN) best = candidate;
  return best?.index ?? 0;
};
