/**
 * Every wait for the GPU. While a promise of Dawn's is pending, its pump re-posts itself through the global
 * `setImmediate` (looked up anew each time) and keeps this thread at 100 %: on a software adapter that is a core the
 * kernels need. While anything is waited for, the pump goes by a timer instead, of about 1 ms at first: a look at the
 * device takes some 0.05 ms, so that there are fewer of them where it is busy for long.
 */
type Immediates = Pick<typeof globalThis, "setImmediate" | "clearImmediate">;

const LEAST_MS = 1;
const MOST_MS = 8;
/** What is waited for is seen late by at most so much of the time that it took. */
const LATE = 1 / 16;

let waiting = 0;
/** When something was last begun to be waited for, or was seen. */
let since = 0;
let before: Immediates | null = null;

const pollMs = (): number =>
  Math.min(MOST_MS, Math.max(LEAST_MS, Math.round((performance.now() - since) * LATE)));

/** Timers stand in for immediates; clearing takes either, as some may have been posted before. */
const slow = (real: Immediates): Immediates => ({
  setImmediate: ((callback: (...args: unknown[]) => void, ...args: unknown[]) =>
    setTimeout(callback, pollMs(), ...args)) as unknown as typeof setImmediate,
  clearImmediate: ((handle: NodeJS.Immediate | NodeJS.Timeout | undefined) => {
    if (handle !== undefined && "refresh" in handle) clearTimeout(handle);
    else real.clearImmediate(handle);
  }) as typeof clearImmediate,
});

const begin = (): void => {
  since = performance.now();
  if (waiting++ > 0) return;
  before = { setImmediate: globalThis.setImmediate, clearImmediate: globalThis.clearImmediate };
  Object.assign(globalThis, slow(before));
};

const end = (): void => {
  since = performance.now();
  if (--waiting > 0 || before === null) return;
  Object.assign(globalThis, before);
  before = null;
};

/** Awaits a promise of Dawn's without burning a core; waits may overlap. */
export const waitFor = async <T>(pending: Promise<T>): Promise<T> => {
  begin();
  try {
    return await pending;
  } finally {
    end();
  }
};

/** How many waits are under way. */
export const waitsUnderWay = (): number => waiting;
