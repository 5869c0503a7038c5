/**
 * Which of several ways to do the same work is fastest on this adapter, within a budget: the least of a few runs, as
 * whatever else the machine does only adds to them; all ways in turn, so that it adds to all alike.
 */
import { type AdapterKind, workerOf } from "./adapter.js";

/** Milliseconds for `repeats` runs of a candidate, by its index. */
export type Timer = (candidate: number, repeats: number) => Promise<number>;

export interface MeasureOptions {
  readonly budgetMs: number;
  readonly sampleMs: number;
  readonly now: () => number;
}

const ROUNDS = 3;
/** A sample should last this long, as waiting is only exact to about a millisecond; on a GPU nothing else adds to it. */
const SAMPLE_MS = { gpu: 30, software: 10 } as const;
const MOST_REPEATS = 256;
/** A later candidate must be better by this much, so that noise does not choose. */
const MARGIN = 0.95;
/** One so much slower on its first run is not measured further. */
const HOPELESS = 3;

/** How long a sample should last on an adapter, in milliseconds. */
export const sampleMsOn = (kind: AdapterKind): number => SAMPLE_MS[workerOf(kind)];

/** How many runs make a sample of so long, where one was seen to take `once` milliseconds. */
export const repeatsFor = (once: number, sampleMs: number): number =>
  Math.min(MOST_REPEATS, Math.max(1, Math.ceil(sampleMs / Math.max(once, 0.02))));

interface Candidate {
  readonly index: number;
  ms: number;
}

const leastOf = (candidates: readonly Candidate[]): number =>
  Math.min(...candidates.map(({ ms }) => ms));

/** The first run of each compiles, and is not counted. */
const firstRuns = async (
  indices: readonly number[],
  time: Timer,
  spent: () => boolean,
  sampleMs: number,
): Promise<Candidate[]> => {
  const candidates: Candidate[] = [];
  for (const index of indices) {
    await time(index, 1);
    const ms = await time(index, 1);
    candidates.push({ index, ms });
    if (spent()) break;
  }
  const most = leastOf(candidates) * HOPELESS + sampleMs / 4;
  return candidates.filter(({ ms }) => ms <= most);
};

/** The fastest candidate, as far as the budget allows to tell. */
export const fastest = async (
  indices: readonly number[],
  time: Timer,
  { budgetMs, now, sampleMs }: MeasureOptions,
): Promise<number> => {
  const start = now();
  const spent = (): boolean => now() - start > budgetMs;
  const candidates = await firstRuns(indices, time, spent, sampleMs);
  for (let round = 0; round < ROUNDS; round++)
    for (const candidate of candidates) {
      if (candidates.length === 1 || spent()) break;
      const { index, ms } = candidate;
      // Anew each time: what was seen of a short run was mostly the wait for it.
      const repeats = repeatsFor(ms, sampleMs);
      candidate.ms = Math.min(ms, (await time(index, repeats)) / repeats);
    }
  let [best] = candidates;
  for (const candidate of candidates)
    if (best === undefined || candidate.ms < best.ms * MARGIN) best = candidate;
  return best?.index ?? 0;
};
