/** A line of the benchmark: one task, who does it, and in which unit its speed is told. */
import type { ContestantName } from "./contestant-process.js";
import type { Task } from "./task.js";

export interface Line {
  readonly family: string;
  readonly name: string;
  readonly contestants: readonly ContestantName[];
  /** Makes the inputs in a folder. */
  readonly task: (folder: string) => Task | Promise<Task>;
  /** How much of the unit one repeat does. */
  readonly work: number;
  readonly unit: "GFLOP/s" | "GB/s" | "tokens/s";
  /** Largest difference from Espalier's result, relative to its largest value. */
  readonly tolerance: number;
  /** Left out by --quick. */
  readonly slow: boolean;
}
