/** A line of the benchmark: a piece of work, who does it, and in which unit its speed is told. */
import type { ContestantName, Timing } from "./contestant-process.js";
import type { MeasureOptions } from "./measure.js";
import type { Task } from "./task.js";

interface LineBase {
  readonly family: string;
  readonly name: string;
  /** How much of the unit one repeat does. */
  readonly work: number;
  readonly unit: "GFLOP/s" | "GB/s" | "tokens/s" | "lines/s";
  /** Left out by --quick. */
  readonly slow: boolean;
  /** Too much for software adapters: left out unless the adapter is a GPU. */
  readonly forGpu?: boolean;
}

/** A task that contestants hold ready in processes of their own. */
export interface TaskLine extends LineBase {
  readonly kind: "task";
  readonly contestants: readonly ContestantName[];
  /** Makes the inputs in a folder. */
  readonly task: (folder: string) => Task | Promise<Task>;
  /** Largest difference from Espalier's result, relative to its largest value. */
  readonly tolerance: number;
}

/** A job is a whole command, or a part of one that it times itself. */
export interface Job {
  readonly contestant: ContestantName;
  readonly about: string;
  readonly time: () => Promise<Timing>;
}

export interface JobLine extends LineBase {
  readonly kind: "jobs";
  readonly jobs: (
    folder: string,
    options: MeasureOptions,
  ) => readonly Job[] | Promise<readonly Job[]>;
  /** Throws CannotTakePart where a job's outcome, left in the folder, is not what Espalier's is. */
  readonly verify?: (folder: string, contestant: ContestantName) => void;
}

export type Line = TaskLine | JobLine;
