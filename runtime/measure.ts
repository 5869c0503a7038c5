/** Which of several ways to do the same work is fastest on this adapter: medians of a few runs, within a budget. */

/** Milliseconds for `repeats` runs of a candidate, by its index. */
export type Timer = (candidate: number, repeats: number) => Promise<number>;

export interface MeasureOptions {
  readonly budgetMs: number;
  readonly now: () => number;
}

const SAMPLES = 3;
/** A sample should last this long, as waiting is only exact to about a millisecond. */
const SAMPLE_MS = 10;
const MOST_REPEATS = 64;
/** A later candidate must be better by this much, so that noise does not choose. */
const MARGIN = 0.95;
/** One so much slower on its first run is not measured further. */
const HOPELESS = 3;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.POSITIVE_INFINITY;

/** Milliseconds of one run, where one was seen to take `once`. */
const measure = async (
  once: number,
  time: (repeats: number) => Promise<number>,
): Promise<number> => {
  const repeats = Math.min(MOST_REPEATS, Math.max(1, Math.ceil(SAMPLE_MS / Math.max(once, 0.1))));
  const samples: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) samples.push((await time(repeats)) / repeats);
  return median(samples);
};

/** The median milliseconds of one run, after one that is not counted. */
export const medianTime = async (time: (repeats: number) => Promise<number>): Promise<number> => {
  await time(1);
  return measure(await time(1), time);
};

/** The fastest candidate; the first where the budget allows no comparison. */
export const fastest = async (
  candidates: readonly number[],
  time: Timer,
  { budgetMs, now }: MeasureOptions,
): Promise<number> => {
  const [first = 0] = candidates;
  const start = now();
  let best = { candidate: first, ms: Number.POSITIVE_INFINITY };
  for (const candidate of candidates) {
    // The first run compiles; it is not counted.
    await time(candidate, 1);
    const once = await time(candidate, 1);
    if (now() - start > budgetMs) break;
    if (once > best.ms * HOPELESS + SAMPLE_MS / 4) continue;
    const ms = await measure(once, (repeats) => time(candidate, repeats));
    if (ms < best.ms * MARGIN) best = { candidate, ms };
    if (now() - start > budgetMs) break;
  }
  return best.candidate;
};
