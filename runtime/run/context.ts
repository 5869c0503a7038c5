/** What every stage of a run works with. Built once by `run.ts`; stages add models as they make them. */
import type { ModelLayout, Plan } from "../../compiler/plan.js";
import type { Corpus } from "../data/corpus.js";
import { RunError } from "../errors.js";
import type { Executor, LoadedProgram } from "../execute.js";
import type { SideFile } from "../formats/side-files.js";
import {
  converted,
  DTYPE_BYTES,
  type Dtype,
  type StoredTensor,
  wordBlocks,
} from "../formats/stored-tensor.js";
import type { Weights } from "../formats/weights.js";
import type { Texts } from "./inputs.js";
import type { Journal } from "./journal.js";
import type { MetricsLog } from "./metrics-log.js";
import type { Reporter } from "./reporter.js";
import type { ScoreCache } from "./score-cache.js";

/** A model of the run: where its weights are to be had, and what else goes with it. */
export interface RunModel {
  readonly weights: Weights;
  /** Tokenizer and generation files, which go with an export. */
  readonly side: readonly SideFile[];
  /** The data as its tokenizer reads it; null where that is the first model's. */
  readonly texts: Texts | null;
}

export interface RunContext {
  readonly plan: Plan;
  /** Folder that the plan's paths are relative to. */
  readonly base: string;
  /** The run's output folder. */
  readonly out: string;
  readonly executor: Executor;
  readonly journal: Journal;
  readonly metrics: MetricsLog;
  readonly reporter: Reporter;
  readonly models: Map<string, RunModel>;
  /** Names of models whose arenas are on the device. */
  readonly uploaded: Set<string>;
  /** The data as the tokenizer of the first model reads it. */
  readonly texts: Texts;
  readonly programs: Map<string, Promise<LoadedProgram>>;
  /** Scores kept from run to run; null where none are. */
  readonly scores: ScoreCache | null;
  /** Set when the user asks to stop; training ends at the next step with a checkpoint. */
  readonly interrupted: () => boolean;
}

export const layoutNamed = (context: RunContext, name: string): ModelLayout => {
  const layout = context.plan.models[name];
  if (layout === undefined) throw new RunError(`the plan has no model ${name}`);
  return layout;
};

export const modelNamed = (context: RunContext, name: string): RunModel => {
  const model = context.models.get(name);
  if (model === undefined) throw new RunError(`model ${name} is used before it is made`);
  return model;
};

/** All data as a model reads it. */
export const textsOf = (context: RunContext, model: string): Texts =>
  modelNamed(context, model).texts ?? context.texts;

export const corpusOf = (context: RunContext, model: string, name: string): Corpus => {
  const corpus = textsOf(context, model).corpora.get(name);
  if (corpus === undefined) throw new RunError(`the plan has no data ${name}`);
  return corpus;
};

/** Writes a tensor into a state buffer in a type that holds it exactly, from byte `offset` on, block by block. */
export const writeTensor = async (
  { executor }: Pick<RunContext, "executor">,
  state: string,
  offset: number,
  tensor: StoredTensor,
  dtype: Dtype = "f32",
): Promise<void> => {
  if (dtype !== "f32" && dtype !== tensor.dtype)
    throw new RunError(`a tensor planned as ${dtype} is ${tensor.dtype}`, {
      hint: "the model's files changed after the spec was read: run it again",
    });
  for await (const { start, words } of wordBlocks(converted(tensor, dtype))) {
    executor.write(state, offset + start * DTYPE_BYTES[dtype], words);
    // The driver keeps a copy of what is written until it is done.
    await executor.finish();
  }
};

/** Writes a model's weights into a state buffer, weight by weight, where and as the layout says. */
export const writeWeights = async (
  context: Pick<RunContext, "executor">,
  state: string,
  layout: ModelLayout,
  { tensor }: Weights,
): Promise<void> => {
  for (const weight of layout.weights)
    await writeTensor(context, state, weight.offset, tensor(weight), weight.dtype);
};

/** Frees the weights of all models but one: no stage reads those of two, and trained ones are states of their own. */
export const keepOnly = (context: RunContext, name: string | null): void => {
  for (const other of [...context.uploaded].filter((uploaded) => uploaded !== name)) {
    context.executor.release(`${other}.weights`);
    context.uploaded.delete(other);
  }
};

/** Puts a model's weights on the device, once, in the place of others. */
export const upload = async (context: RunContext, name: string): Promise<void> => {
  keepOnly(context, name);
  if (context.uploaded.has(name)) return;
  const { weights } = modelNamed(context, name);
  const state = `${name}.weights`;
  context.executor.state(state, weights.layout.bytes);
  await writeWeights(context, state, weights.layout, weights);
  context.uploaded.add(name);
};

/** Closes the files of all models, and of the data as they and the first of them read it. */
export const closeFiles = async ({
  models,
  texts,
}: Pick<RunContext, "models" | "texts">): Promise<void> => {
  const opened = [...models.values()];
  for (const { weights } of opened) await weights.close();
  for (const read of new Set([texts, ...opened.map((model) => model.texts)]))
    for (const corpus of read?.corpora.values() ?? []) corpus.close();
};

/** Loads a program of the plan, compiling its pipelines; loaded ones are kept. */
export const programNamed = (context: RunContext, name: string): Promise<LoadedProgram> => {
  const known = context.programs.get(name);
  if (known !== undefined) return known;
  const program = context.plan.programs[name];
  if (program === undefined) throw new RunError(`the plan has no program ${name}`);
  const loading = context.executor.load(program);
  context.programs.set(name, loading);
  return loading;
};

/** Lets go of a program's buffers when its stage is over. */
export const releaseProgram = async (context: RunContext, name: string): Promise<void> => {
  const loading = context.programs.get(name);
  if (loading === undefined) return;
  context.programs.delete(name);
  (await loading).dispose();
};
