/**
 * In which order windows are seen: each epoch its own shuffle of all windows, a pure function of seed, stage and epoch
 * (Fisher and Yates, with a counter-based draw at each place). A step's batch needs no state from the step before it.
 */
import { keyOf, philox, streamOf, wholeBelow } from "./random.js";

/** The fourth counter word: what the numbers are for, so that later uses get others. */
const ORDER = 0;

const shuffle = (seed: number, stage: string, epoch: number, count: number): Uint32Array => {
  const [key, stream] = [keyOf(seed), streamOf(stage)];
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = wholeBelow(philox([last, epoch, stream, ORDER], key), last + 1);
    const [a = 0, b = 0] = [order[last], order[other]];
    order[last] = b;
    order[other] = a;
  }
  return order;
};

/** Steps of one epoch follow each other: the last shuffle is kept, which changes nothing but the time. */
let recent: { readonly of: string; readonly order: Uint32Array } | null = null;

const orderOf = (seed: number, stage: string, epoch: number, count: number): Uint32Array => {
  const of = JSON.stringify([seed, stage, epoch, count]);
  if (recent?.of !== of) recent = { of, order: shuffle(seed, stage, epoch, count) };
  return recent.order;
};

/** The window at place `index` of an epoch, of `count` windows. */
export const windowAt = (
  seed: number,
  stage: string,
  epoch: number,
  index: number,
  count: number,
): number => {
  const window = orderOf(seed, stage, epoch, count)[index];
  if (window === undefined) throw new RangeError(`place ${index} of ${count} windows`);
  return window;
};

/** The windows of a step, `size` of them: places step × size on, epoch after epoch. */
export const batchAt = (
  seed: number,
  stage: string,
  step: number,
  size: number,
  count: number,
): number[] =>
  Array.from({ length: size }, (_, i) => {
    const place = step * size + i;
    return windowAt(seed, stage, Math.floor(place / count), place % count, count);
  });

/** All windows in the order of the first epoch: a sample without repetition from its front. */
export const shuffledWindows = (seed: number, stage: string, count: number): number[] => [
  ...orderOf(seed, stage, 0, count),
];
