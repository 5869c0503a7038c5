/**
 * Checkpoints of training: weights and both moments as f32, with the step they belong to. Data position is a function
 * of the step, so nothing else is needed to go on with the same bits.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { openSafetensors, writeSafetensors } from "../formats/safetensors.js";
import { workFolder } from "./journal.js";

export interface TrainingState {
  /** Steps done. */
  readonly step: number;
  readonly weights: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
}

export const trainingPath = (out: string, name: string): string =>
  join(workFolder(out), `${name}.training.safetensors`);

export const saveTraining = (out: string, name: string, state: TrainingState): Promise<void> => {
  const tensor = (tensorName: string, data: Float32Array) => ({
    name: tensorName,
    dtype: "f32" as const,
    shape: [data.length],
    data,
  });
  return writeSafetensors(
    trainingPath(out, name),
    [
      tensor("weights", state.weights),
      tensor("first", state.first),
      tensor("second", state.second),
    ],
    { step: String(state.step) },
  );
};

/** The last checkpoint, or null where there is none. */
export const readTraining = async (out: string, name: string): Promise<TrainingState | null> => {
  const file = await openSafetensors(trainingPath(out, name)).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (file === null) return null;
  try {
    return {
      step: Number(file.metadata.step),
      weights: await file.read("weights"),
      first: await file.read("first"),
      second: await file.read("second"),
    };
  } finally {
    await file.close();
  }
};

export const dropTraining = (out: string, name: string): Promise<void> =>
  rm(trainingPath(out, name), { force: true });

const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  (("code" in error && error.code === "ENOENT") ||
    /ENOENT|no such file|missing/i.test(error.message));

const arenaPath = (out: string, name: string): string =>
  join(workFolder(out), `${name}.weights.safetensors`);

/** Keeps the weights of a finished stage, so that later stages can go on after a restart. */
export const saveArena = (out: string, name: string, arena: Float32Array): Promise<void> =>
  writeSafetensors(
    arenaPath(out, name),
    [{ name: "weights", dtype: "f32", shape: [arena.length], data: arena }],
    {},
  );

export const readArena = async (out: string, name: string): Promise<Float32Array> => {
  const file = await openSafetensors(arenaPath(out, name));
  try {
    return await file.read("weights");
  } finally {
    await file.close();
  }
};
