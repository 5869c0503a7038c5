/**
 * The lock beside a spec: what a run was a function of. Same lock, same bits. Committed with the spec, so that a
 * difference is seen in review.
 */
import type { Plan } from "../../compiler/plan.js";
import { hashFolder } from "../formats/checkpoint-folder.js";
import type { InputHashes } from "./inputs.js";
import type { JournalData } from "./journal.js";
import { writeWhole } from "./write-whole.js";

export interface InputHash {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Lock {
  readonly format: 1;
  readonly versions: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly settings: Readonly<Record<string, string>>;
  /** Hash of the plan's canonical JSON: spec, library and shapes together. */
  readonly plan: string;
  /** spec, used files, stdlib and config.json: path → sha256. */
  readonly sources: Readonly<Record<string, string>>;
  readonly models: Readonly<Record<string, readonly InputHash[]>>;
  readonly data: Readonly<Record<string, readonly InputHash[]>>;
  readonly adapter: string;
  readonly tuning: Readonly<Record<string, number>>;
  /** sha256 of each exported model.safetensors (or shard). */
  readonly results: Readonly<Record<string, string>>;
}

/** Versions that the bits may depend on. */
const versions = (): Record<string, string> => ({ node: process.versions.node, format: "1" });

/** The lock of a finished run. */
export const lockOf = async (
  plan: Plan,
  journal: JournalData,
  inputs: InputHashes,
  exports: readonly string[],
): Promise<Lock> => {
  const results: Record<string, string> = {};
  for (const folder of exports)
    for (const file of await hashFolder(folder)) results[file.path] = file.sha256;
  return {
    format: 1,
    versions: versions(),
    seed: plan.seed,
    settings: plan.settings,
    plan: journal.plan,
    sources: plan.sources,
    models: inputs.models,
    data: inputs.data,
    adapter: journal.adapter,
    tuning: journal.tuning,
    results,
  };
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

export const writeLock = (spec: string, lock: Lock): Promise<void> =>
  writeWhole(lockPath(spec), `${JSON.stringify(ordered(lock), null, 2)}\n`);
