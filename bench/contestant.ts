/** What a contestant is: something that does a task and can be timed. Each runs in a process of its own (worker.ts). */
import type { Task } from "./task.js";

export interface Prepared {
  /** Milliseconds for so many repeats, from the first call until the device has done the last. */
  readonly time: (repeats: number) => Promise<number>;
  /** What the task gives, in a fixed order, to be held against the others' before anything is timed. */
  readonly result: () => Promise<readonly Float32Array[]>;
}

export interface ContestantOptions {
  /** As `espalier run --adapter`. */
  readonly adapter: string;
  /** False: peers wait with Dawn's own pump, which keeps a core busy. */
  readonly slowPump: boolean;
}

export interface Contestant {
  /** Name and version, and the adapter where it has one. */
  readonly about: string;
  /** Gets a task ready: inputs on the device, pipelines made as far as they can be. Null: it cannot do such a task. */
  readonly prepare: (task: Task) => Promise<Prepared | null>;
}

export type OpenContestant = (options: ContestantOptions) => Promise<Contestant>;

/** Times an action that resolves when all is done. */
export const timed = async (action: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await action();
  return performance.now() - start;
};
