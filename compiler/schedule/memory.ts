/**
 * Scratch memory: tensors whose lifetimes do not overlap share a buffer. The largest choose first, so that a buffer is as
 * large as its first tensor and the smaller ones fill the time that it is free ("greedy by size" of "Efficient Memory
 * Management for Deep Neural Net Inference", arXiv 2001.03288, section 4.3).
 */

/** Live from the dispatch that writes it to the last that reads it, both inclusive. */
export interface Lifetime {
  readonly key: string;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Slots {
  /** Slot of each key. */
  readonly slotOf: ReadonlyMap<string, number>;
  /** Bytes of each slot. */
  readonly sizes: readonly number[];
}

/** How long a slot would stay unused between `life` and its neighbours in time; null where they overlap. */
const gapIn = (taken: readonly Lifetime[], { first, last }: Lifetime): number | null => {
  let [before, after] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const other of taken) {
    if (other.first <= last && first <= other.last) return null;
    if (other.last < first) before = Math.min(before, first - other.last);
    else after = Math.min(after, other.first - last);
  }
  return Math.min(before, after);
};

/** Assigns slots; no two lifetimes that overlap share one. Of several free slots, the one used nearest in time. */
export const assignSlots = (lifetimes: readonly Lifetime[]): Slots => {
  const slotOf = new Map<string, number>();
  const slots: { readonly bytes: number; readonly taken: Lifetime[] }[] = [];
  for (const life of lifetimes.toSorted((a, b) => b.bytes - a.bytes || a.first - b.first)) {
    let chosen = -1;
    let least = Number.POSITIVE_INFINITY;
    slots.forEach(({ taken }, slot) => {
      const gap = gapIn(taken, life);
      if (gap === null || gap >= least) return;
      chosen = slot;
      least = gap;
    });
    if (chosen === -1) chosen = slots.push({ bytes: life.bytes, taken: [] }) - 1;
    slots[chosen]?.taken.push(life);
    slotOf.set(life.key, chosen);
  }
  return { slotOf, sizes: slots.map(({ bytes }) => bytes) };
};
