/** The example's model and a pruned one of it, as files that peers can read; and the windows that Espalier takes. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { check } from "../compiler/check.js";
import type { ModelLayout, Plan } from "../compiler/plan.js";
import type { Recipe, Step } from "../compiler/recipe/recipe.js";
import { fileHost } from "../runtime/cli/host.js";
import { planOf } from "../runtime/cli/planned.js";
import type { Corpus } from "../runtime/data/corpus.js";
import { openCheckpoint } from "../runtime/formats/checkpoint-folder.js";
import { floatBlocks } from "../runtime/formats/stored-tensor.js";
import { elementsOf, fileShape, type Weights, weightsOf } from "../runtime/formats/weights.js";
import { openInputs } from "../runtime/run/inputs.js";
import { prune } from "../runtime/weights/gather.js";
import type { KeptAxis } from "../runtime/weights/kept.js";
import type { LlamaFile, LlamaSizes, TensorFile } from "./task.js";
import { writeTensor } from "./tensor-file.js";

export interface Planned {
  readonly recipe: Recipe;
  readonly plan: Plan;
  readonly corpora: ReadonlyMap<string, Corpus>;
  readonly base: string;
}

export const planned = async (spec: string, base: string): Promise<Planned> => {
  const { recipe, diagnostics } = check("bench.prune", spec, fileHost(base));
  if (recipe === null) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  const plan = await planOf(recipe, base);
  return { recipe, plan, corpora: (await openInputs(plan, base)).texts.corpora, base };
};

/** The recipe's only step of a kind. */
export const stepOf = <K extends Step["kind"]>(
  { recipe }: Planned,
  kind: K,
): Extract<Step, { kind: K }> => {
  const step = recipe.steps.find((candidate) => candidate.kind === kind);
  if (step === undefined) throw new Error(`the spec has no ${kind}`);
  return step as Extract<Step, { kind: K }>;
};

const sizesOf = ({ recipe }: Planned, model: string): LlamaSizes =>
  recipe.models.get(model)?.shape.config as unknown as LlamaSizes;

const layoutNamed = ({ plan }: Planned, name: string): ModelLayout => {
  const layout = plan.models[name];
  if (layout === undefined) throw new Error(`the plan has no model ${name}`);
  return layout;
};

const writeLlama = async (
  of: Planned,
  { layout, tensor }: Weights,
  folder: string,
): Promise<LlamaFile> => {
  const path = join(folder, layout.name);
  const arena = new Float32Array(
    layout.weights.reduce((sum, weight) => sum + elementsOf(weight), 0),
  );
  const weights: LlamaFile["weights"][number][] = [];
  let offset = 0;
  for (const weight of layout.weights) {
    for await (const { start, floats } of floatBlocks(tensor(weight)))
      arena.set(floats, offset + start);
    weights.push({ name: weight.file, offset, shape: fileShape(weight) });
    offset += elementsOf(weight);
  }
  writeFileSync(path, new Uint8Array(arena.buffer));
  return { sizes: sizesOf(of, layout.name), path, weights };
};

const opened = async (of: Planned): Promise<Weights> => {
  const { model, path } = stepOf(of, "open");
  return weightsOf(await openCheckpoint(resolve(of.base, path)), layoutNamed(of, model));
};

/** The opened model. */
export const openedLlama = async (of: Planned, folder: string): Promise<LlamaFile> => {
  const weights = await opened(of);
  const file = await writeLlama(of, weights, folder);
  await weights.close();
  return file;
};

/** The pruned model with the first units of every axis: which ones are kept costs nothing. */
export const prunedLlama = async (of: Planned, folder: string): Promise<LlamaFile> => {
  const weights = await opened(of);
  const { name, cuts } = stepOf(of, "prune");
  const first = (keep: number): number[] => Array.from({ length: keep }, (_, unit) => unit);
  const kept = cuts.map(({ axis, from, keep }): [string, KeptAxis] => [
    axis,
    { axis, along: [], from, keep, sets: [first(keep)] },
  ]);
  const file = await writeLlama(of, prune(weights, new Map(kept), layoutNamed(of, name)), folder);
  await weights.close();
  return file;
};

/** Windows of a data set in batches: u32 [batch, window, position + 1]. */
export const writeBatches = (
  of: Planned,
  data: string,
  batches: readonly (readonly number[])[],
  folder: string,
): TensorFile => {
  const corpus = of.corpora.get(data);
  if (corpus === undefined) throw new Error(`the plan has no data ${data}`);
  const length = corpus.window + 1;
  const windows = batches[0]?.length ?? 0;
  const tokens = new Uint32Array(batches.length * windows * length);
  batches.flat().forEach((window, at) => {
    tokens.set(corpus.at(window).subarray(0, length), at * length);
  });
  return writeTensor(folder, "tokens", [batches.length, windows, length], tokens);
};
