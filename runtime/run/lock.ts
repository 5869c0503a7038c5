/**
 * The lock beside a spec: what a run was a function of. Same lock, same bits. Committed with the spec, so that a
 * difference is seen in review.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { Plan } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { hashModel } from "../formats/model-source.js";
import type { InputHashes } from "./inputs.js";
import type { JournalData } from "./journal.js";
import type { Reporter } from "./reporter.js";
import { versions } from "./versions.js";
import { writeWhole } from "./write-whole.js";

const inputSchema = z.object({ path: z.string(), bytes: z.number(), sha256: z.string() });
const texts = z.record(z.string(), z.string());
const files = z.record(z.string(), z.array(inputSchema).readonly());

export const lockSchema = z.object({
  format: z.literal(1),
  versions: texts,
  seed: z.number(),
  /** Values of the spec's params, as written. */
  settings: texts,
  /** Hash of the plan's canonical JSON: spec, library and shapes together. */
  plan: z.string(),
  /** Spec, used files, stdlib and config.json: path → sha256. */
  sources: texts,
  models: files,
  data: files,
  adapter: z.string(),
  /** Launches that the tuner chose. */
  tuning: z.record(z.string(), z.number()),
  /** sha256 of each file of each exported model. */
  results: texts,
});

export type InputHash = Readonly<z.infer<typeof inputSchema>>;
export type Lock = Readonly<z.infer<typeof lockSchema>>;

/** What is known when a run begins. */
export type LockInputs = Omit<Lock, "tuning" | "results">;

export const lockInputs = (
  plan: Plan,
  journal: Pick<JournalData, "plan" | "adapter">,
  inputs: InputHashes,
): LockInputs => ({
  format: 1,
  versions: versions(),
  seed: plan.seed,
  settings: plan.settings,
  plan: journal.plan,
  sources: plan.sources,
  models: inputs.models,
  data: inputs.data,
  adapter: journal.adapter,
});

/** The lock of a finished run. */
export const lockOf = async (
  inputs: LockInputs,
  tuning: Lock["tuning"],
  exports: readonly string[],
): Promise<Lock> => {
  const results: Record<string, string> = {};
  for (const folder of exports)
    for (const file of await hashModel(folder)) results[file.path] = file.sha256;
  return { ...inputs, tuning, results };
};

/** Objects with their keys in order, so that equal values have equal text. */
const ordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, ordered(inner)]),
  );
};

export const canonicalJson = (value: unknown): string => JSON.stringify(ordered(value));

/** The plan without the paths people see, so that a moved folder keeps its hash. */
export const planText = ({ title: _title, ...plan }: Plan): string => canonicalJson(plan);

export const lockPath = (spec: string): string => `${spec}.lock`;

/** Where it cannot be written, that is a warning: the models are whole without it. */
export const writeLock = async (spec: string, lock: Lock, { line }: Reporter): Promise<void> => {
  try {
    await writeWhole(lockPath(spec), `${JSON.stringify(ordered(lock), null, 2)}\n`);
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    line(`warning: ${error.message}, so nothing says what this run was made from`);
  }
};

/** The lock of the run before; null where there is none, or none that this version can read. */
export const readLock = async (spec: string): Promise<Lock | null> => {
  try {
    return lockSchema.parse(JSON.parse(await readFile(lockPath(spec), "utf8")));
  } catch {
    return null;
  }
};
