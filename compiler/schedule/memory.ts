/** Scratch memory: tensors whose lifetimes do not overlap share a buffer. Linear scan, best fit. */

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

/** Assigns slots; no two lifetimes that overlap share one. */
export const assignSlots = (lifetimes: readonly Lifetime[]): Slots => {
  const slotOf = new Map<string, number>();
  const sizes: number[] = [];
  let busy: { readonly slot: number; readonly last: number }[] = [];
  for (const life of [...lifetimes].sort((a, b) => a.first - b.first)) {
    busy = busy.filter((taken) => taken.last >= life.first);
    const taken = new Set(busy.map((entry) => entry.slot));
    const free = sizes.map((size, slot) => ({ slot, size })).filter(({ slot }) => !taken.has(slot));
    // The smallest that fits, else the largest there is, grown.
    const fitting = free
      .filter(({ size }) => size >= life.bytes)
      .sort((a, b) => a.size - b.size)[0];
    const chosen = fitting ?? free.sort((a, b) => b.size - a.size)[0];
    const slot = chosen?.slot ?? sizes.length;
    sizes[slot] = Math.max(sizes[slot] ?? 0, life.bytes);
    slotOf.set(life.key, slot);
    busy.push({ slot, last: life.last });
  }
  return { slotOf, sizes };
};
