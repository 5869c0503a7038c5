/** What the benchmark asks of a contestant's process, and what it answers: one JSON line each. */
import type { Task } from "./task.js";

export type Request =
  | { readonly kind: "prepare"; readonly task: Task }
  /** Results go to `path`.0, `path`.1, … as f32. */
  | { readonly kind: "result"; readonly path: string }
  | { readonly kind: "time"; readonly repeats: number };

export type Reply =
  /** `can`: whether it does such a task at all. */
  | { readonly kind: "prepared"; readonly about: string; readonly can: boolean }
  | { readonly kind: "result"; readonly count: number }
  /** `memory`: the most the process has held, in bytes. */
  | { readonly kind: "time"; readonly ms: number; readonly memory: number }
  | { readonly kind: "failed"; readonly reason: string };
