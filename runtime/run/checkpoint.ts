/**
 * What training leaves on disk, as f32: checkpoints with weights and both moments and the step they belong to, and the
 * trained model. Data position is a function of the step, so nothing else is needed to go on with the same bits.
 * Everything goes between device and disk block by block.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ModelLayout, WeightEntry } from "../../compiler/plan.js";
import type { Executor } from "../execute.js";
import { openSafetensors, type TensorData, writeSafetensors } from "../formats/safetensors.js";
import type { StoredTensor } from "../formats/stored-tensor.js";
import { elementsOf, type Weights } from "../formats/weights.js";
import { NO_TRACE, type Trace } from "./early-stop.js";
import { workFolder } from "./journal.js";

/** The state buffers of a model in training. */
export interface TrainingStates {
  readonly weights: string;
  readonly first: string;
  readonly second: string;
}

const PARTS = ["weights", "first", "second"] as const satisfies (keyof TrainingStates)[];

export const trainingPath = (out: string, name: string): string =>
  join(workFolder(out), `${name}.training.safetensors`);

/** A range of a state buffer, read when it is asked for. */
const onDevice = (
  executor: Executor,
  state: string,
  offset: number,
  count: number,
): StoredTensor => ({
  dtype: "f32",
  count,
  read: async (start, into) => {
    into.set(new Uint8Array(await executor.read(state, offset + start * 4, into.length)));
  },
});

/** How far training has come. */
export interface Reached {
  readonly step: number;
  readonly trace: Trace;
}

/** Writes a checkpoint of the states, each of `bytes`. */
export const saveTraining = (
  out: string,
  name: string,
  executor: Executor,
  states: TrainingStates,
  bytes: number,
  { step, trace }: Reached,
): Promise<void> =>
  writeSafetensors(
    trainingPath(out, name),
    PARTS.map((part): TensorData => {
      const data = onDevice(executor, states[part], 0, bytes / 4);
      return { name: part, dtype: "f32", shape: [data.count], data };
    }),
    { step: String(step), trace: JSON.stringify(trace) },
  );

/** Gives the parts of the last checkpoint to `put`; returns how far it had come, or null where there is no checkpoint. */
export const restoreTraining = async (
  out: string,
  name: string,
  states: TrainingStates,
  put: (state: string, tensor: StoredTensor) => Promise<void>,
): Promise<Reached | null> => {
  const file = await openSafetensors(trainingPath(out, name)).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (file === null) return null;
  try {
    for (const part of PARTS) await put(states[part], file.tensor(part));
    const { step, trace } = file.metadata;
    return {
      step: Number(step),
      trace: trace === undefined ? NO_TRACE : (JSON.parse(trace) as Trace),
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

const trainedPath = (out: string, name: string): string =>
  join(workFolder(out), `${name}.weights.safetensors`);

/** Weights are kept one by one, also those that share a tensor of the model's files. */
const keptName = ({ weight, layer }: WeightEntry): string =>
  layer === null ? weight : `${weight}@${layer}`;

/** Keeps the weights of a trained model, so that later stages can go on after a restart. */
export const saveTrained = (out: string, layout: ModelLayout, executor: Executor): Promise<void> =>
  writeSafetensors(
    trainedPath(out, layout.name),
    layout.weights.map((weight): TensorData => {
      const state = `${layout.name}.weights`;
      const data = onDevice(executor, state, weight.offset, elementsOf(weight));
      return { name: keptName(weight), dtype: "f32", shape: [data.count], data };
    }),
  );

/** Opens the weights that `saveTrained` kept. */
export const openTrained = async (out: string, layout: ModelLayout): Promise<Weights> => {
  const { tensor, close } = await openSafetensors(trainedPath(out, layout.name));
  return { layout, tensor: (weight) => tensor(keptName(weight)), close };
};
