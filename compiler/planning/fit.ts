/** What a stage takes of the device's memory, beside what it may. */

/** A stage takes more device memory than allowed, however it is planned. */
export class DoesNotFit extends Error {
  constructor(
    readonly stage: string,
    /** The least that a plan was found for, in bytes. */
    readonly needed: number,
    readonly allowed: number,
    /** Why its model cannot go through layer by layer; null where it does, or is trained. */
    readonly whole: string | null = null,
  ) {
    super(`${stage} takes ${needed} bytes of device memory at once, ${allowed} are allowed`);
  }
}

/**
 * What `plan` makes of the largest batch that `memory` holds: of `most` windows, or of half as many until it fits. Of one
 * window where nothing does: its `held` is then more than the memory.
 */
export const inLargestBatch = <Planned extends { readonly held: number }>(
  most: number,
  memory: number | null,
  plan: (windows: number) => Planned,
): Planned => {
  for (let windows = most; ; windows = Math.ceil(windows / 2)) {
    const planned = plan(windows);
    if (memory === null || planned.held <= memory || windows === 1) return planned;
  }
};
