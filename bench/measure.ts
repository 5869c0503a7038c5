/** Measures a line: every contestant's result is held against Espalier's, then they are timed in turn. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CannotTakePart,
  type ContestantName,
  type ProcessOptions,
  type Running,
  startContestant,
} from "./contestant-process.js";
import type { Line } from "./line.js";

export interface Measured {
  readonly contestant: ContestantName;
  readonly about: string;
  /** Median of the samples, for one repeat. */
  readonly ms: number;
  readonly samples: readonly number[];
  /** The most memory its process held, in bytes. */
  readonly memory: number;
  /** Difference from Espalier's result, relative to its largest value. */
  readonly difference: number;
}

/** A contestant that is not in a line, and why. */
export interface Absent {
  readonly contestant: ContestantName;
  readonly reason: string;
}

export interface LineResult {
  readonly family: string;
  readonly name: string;
  readonly unit: Line["unit"];
  readonly work: number;
  readonly measured: readonly Measured[];
  readonly absent: readonly Absent[];
}

export interface MeasureOptions extends ProcessOptions {
  /** Samples of each contestant, taken in turn. */
  readonly rounds: number;
  /** About how long a sample should last, in ms: waiting is exact to about one. */
  readonly sampleMs: number;
  /** A contestant's samples take no longer than this together, in ms, though there is always one. */
  readonly budgetMs: number;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
};

/** The largest difference, relative to the largest value of each array. */
const differenceOf = (
  results: readonly Float32Array[],
  reference: readonly Float32Array[],
): number => {
  if (results.length !== reference.length) return Number.POSITIVE_INFINITY;
  return results.reduce((most, values, at) => {
    const wanted = reference[at] ?? new Float32Array();
    if (values.length !== wanted.length) return Number.POSITIVE_INFINITY;
    let largest = 0;
    let difference = 0;
    values.forEach((value, i) => {
      const other = wanted[i] ?? Number.NaN;
      largest = Math.max(largest, Math.abs(other));
      const here = Math.abs(value - other);
      difference = Number.isNaN(here) ? Number.POSITIVE_INFINITY : Math.max(difference, here);
    });
    return Math.max(most, difference / Math.max(largest, Number.MIN_VALUE));
  }, 0);
};

const MOST_REPEATS = 50;

interface Entrant {
  readonly contestant: ContestantName;
  readonly running: Running;
  readonly difference: number;
  readonly repeats: number;
  readonly rounds: number;
  readonly samples: number[];
  memory: number;
}

/** Starts a contestant, checks its result, warms it up, and sees how many repeats make a sample. */
const enter = async (
  contestant: ContestantName,
  start: () => Promise<Running>,
  reference: readonly Float32Array[] | null,
  line: Line,
  options: MeasureOptions,
): Promise<{ readonly entrant: Entrant; readonly results: readonly Float32Array[] }> => {
  const running = await start();
  try {
    const results = await running.result();
    const difference = differenceOf(results, reference ?? results);
    if (!(difference <= line.tolerance))
      throw new CannotTakePart(`its result differs by ${difference.toPrecision(2)}`);
    await running.time(1);
    const { ms, memory } = await running.time(1);
    const repeats = Math.min(MOST_REPEATS, Math.max(1, Math.round(options.sampleMs / ms)));
    const rounds = Math.min(
      options.rounds,
      Math.max(1, Math.floor(options.budgetMs / (ms * repeats))),
    );
    return {
      entrant: { contestant, running, difference, repeats, rounds, samples: [], memory },
      results,
    };
  } catch (error) {
    running.close();
    throw error;
  }
};

const sample = async (entrant: Entrant): Promise<void> => {
  const { ms, memory } = await entrant.running.time(entrant.repeats);
  entrant.samples.push(ms / entrant.repeats);
  entrant.memory = memory;
};

/** Measures a line. Espalier must be able to do it; others that cannot are told in `absent`. */
export const measureLine = async (line: Line, options: MeasureOptions): Promise<LineResult> => {
  const folder = mkdtempSync(join(tmpdir(), "espalier-bench-"));
  const entrants: Entrant[] = [];
  const absent: Absent[] = [];
  try {
    const task = await line.task(folder);
    let reference: readonly Float32Array[] | null = null;
    for (const contestant of line.contestants) {
      try {
        const start = () => startContestant(contestant, task, options, folder);
        const { entrant, results } = await enter(contestant, start, reference, line, options);
        reference ??= results;
        entrants.push(entrant);
      } catch (error) {
        if (!(error instanceof CannotTakePart) || contestant === "espalier") throw error;
        absent.push({ contestant, reason: error.message });
      }
    }
    for (let round = 0; round < options.rounds; round++)
      for (const entrant of entrants) if (round < entrant.rounds) await sample(entrant);
    return {
      family: line.family,
      name: line.name,
      unit: line.unit,
      work: line.work,
      measured: entrants.map(({ contestant, running, samples, memory, difference }) => ({
        contestant,
        about: running.about,
        ms: median(samples),
        samples,
        memory,
        difference,
      })),
      absent,
    };
  } finally {
    for (const { running } of entrants) running.close();
    rmSync(folder, { recursive: true, force: true });
  }
};
