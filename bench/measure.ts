/** Measures a line: every contestant's result is held against Espalier's, then they are timed in turn. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CannotTakePart,
  type ContestantName,
  type ProcessOptions,
  startContestant,
  type Timing,
} from "./contestant-process.js";
import type { JobLine, Line, TaskLine } from "./line.js";

export interface Measured {
  readonly contestant: ContestantName;
  readonly about: string;
  /** Median of the samples, for one repeat. */
  readonly ms: number;
  readonly samples: readonly number[];
  /** The most memory its process held, in bytes. */
  readonly memory: number;
  /** From Espalier's result, relative to its largest value; null where outcomes are compared otherwise. */
  readonly difference: number | null;
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
  /** How long a contestant runs before it is timed, in ms: a GPU raises its clocks only then. */
  readonly warmMs: number;
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
export const differenceOf = (
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
  readonly about: string;
  readonly difference: number | null;
  readonly time: (repeats: number) => Promise<Timing>;
  readonly close: () => void;
  readonly repeats: number;
  readonly rounds: number;
  readonly samples: number[];
  memory: number;
}

/** Warms a contestant up and sees how many repeats make a sample, and how many samples there are time for. */
const warmUp = async (
  entrant: Pick<Entrant, "contestant" | "about" | "difference" | "time" | "close">,
  most: number,
  options: MeasureOptions,
): Promise<Entrant> => {
  await entrant.time(1);
  let { ms, memory } = await entrant.time(1);
  for (const end = performance.now() + options.warmMs; performance.now() < end; )
    ({ ms, memory } = await entrant.time(1));
  const repeats = Math.min(most, Math.max(1, Math.round(options.sampleMs / ms)));
  const fitting = Math.floor(options.budgetMs / (ms * repeats));
  const rounds = Math.min(options.rounds, Math.max(1, fitting));
  return { ...entrant, repeats, rounds, samples: [], memory };
};

/** Those of `names` that can enter, and why others cannot; Espalier must. */
const enterAll = async (
  names: readonly ContestantName[],
  enter: (contestant: ContestantName) => Promise<Entrant>,
): Promise<Field> => {
  const entrants: Entrant[] = [];
  const absent: Absent[] = [];
  for (const contestant of names)
    try {
      entrants.push(await enter(contestant));
    } catch (error) {
      if (error instanceof CannotTakePart && contestant !== "espalier")
        absent.push({ contestant, reason: error.message });
      else {
        for (const { close } of entrants) close();
        throw error;
      }
    }
  return { entrants, absent };
};

interface Field {
  readonly entrants: readonly Entrant[];
  readonly absent: readonly Absent[];
}

const taskField = async (
  line: TaskLine,
  options: MeasureOptions,
  folder: string,
): Promise<Field> => {
  const task = await line.task(folder);
  let reference: readonly Float32Array[] | null = null;
  return enterAll(line.contestants, async (contestant) => {
    const running = await startContestant(contestant, task, options, folder);
    try {
      const results = await running.result();
      reference ??= results;
      const difference = differenceOf(results, reference);
      if (!(difference <= line.tolerance))
        throw new CannotTakePart(`its result differs by ${difference.toPrecision(2)}`);
      return await warmUp({ contestant, difference, ...running }, MOST_REPEATS, options);
    } catch (error) {
      running.close();
      throw error;
    }
  });
};

const jobField = async (line: JobLine, options: MeasureOptions, folder: string): Promise<Field> => {
  const jobs = await line.jobs(folder, options);
  const names = jobs.map(({ contestant }) => contestant);
  return enterAll(names, async (contestant) => {
    const job = jobs.find((candidate) => candidate.contestant === contestant);
    if (job === undefined) throw new CannotTakePart("has no such job");
    const entrant = { ...job, difference: null, close: () => undefined };
    const warm = await warmUp(entrant, 1, options);
    line.verify?.(folder, contestant);
    return warm;
  });
};

const sample = async (entrant: Entrant): Promise<void> => {
  const { ms, memory } = await entrant.time(entrant.repeats);
  entrant.samples.push(ms / entrant.repeats);
  entrant.memory = Math.max(entrant.memory, memory);
};

/** Measures a line. Espalier must be able to do it; others that cannot are told in `absent`. */
export const measureLine = async (line: Line, options: MeasureOptions): Promise<LineResult> => {
  const folder = mkdtempSync(join(tmpdir(), "espalier-bench-"));
  const { family, name, unit, work } = line;
  try {
    const { entrants, absent } = await (line.kind === "task"
      ? taskField(line, options, folder)
      : jobField(line, options, folder));
    try {
      for (let round = 0; round < options.rounds; round++)
        for (const entrant of entrants) if (round < entrant.rounds) await sample(entrant);
    } finally {
      for (const { close } of entrants) close();
    }
    const measured = entrants.map(({ contestant, about, samples, memory, difference }) => ({
      ...{ contestant, about, ms: median(samples), samples, memory, difference },
    }));
    return { family, name, unit, work, measured, absent };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
