/** The example's model and a pruned one of it, as files that peers can read; and the windows that Espalier takes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "../compiler/check.js";
import type { ModelLayout, Plan } from "../compiler/plan.js";
import type { Recipe, Step } from "../compiler/recipe/recipe.js";
import { fileHost } from "../runtime/cli/host.js";
import { planOf } from "../runtime/cli/planned.js";
import type { Corpus } from "../runtime/data/corpus.js";
import { openCheckpoint } from "../runtime/formats/checkpoint-folder.js";
import { fileShape, readWeights } from "../runtime/formats/weights.js";
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
  return { recipe, plan, corpora: (await openInputs(plan, base)).corpora, base };
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

const writeLlama = (
  of: Planned,
  layout: ModelLayout,
  arena: Float32Array,
  folder: string,
): LlamaFile => {
  const path = join(folder, layout.name);
  writeFileSync(path, new Uint8Array(arena.buffer, arena.byteOffset, arena.byteLength));
  const weights = layout.weights.map((entry) => ({
    name: entry.file,
    offset: entry.offset / 4,
    shape: fileShape(entry),
  }));
  return { sizes: sizesOf(of, layout.name), path, weights };
};

const layoutNamed = ({ plan }: Planned, name: string): ModelLayout => {
  const layout = plan.models[name];
  if (layout === undefined) throw new Error(`the plan has no model ${name}`);
  return layout;
};

const readArena = async (of: Planned): Promise<{ layout: ModelLayout; arena: Float32Array }> => {
  const { model, path } = stepOf(of, "open");
  const layout = layoutNamed(of, model);
  const checkpoint = await openCheckpoint(join(of.base, path));
  try {
    return { layout, arena: await readWeights(checkpoint, layout) };
  } finally {
    await checkpoint.close();
  }
};

/** The opened model. */
export const openedLlama = async (of: Planned, folder: string): Promise<LlamaFile> => {
  const { layout, arena } = await readArena(of);
  return writeLlama(of, layout, arena, folder);
};

/** The pruned model with the first units of every axis: which ones are kept costs nothing. */
export const prunedLlama = async (of: Planned, folder: string): Promise<LlamaFile> => {
  const { layout, arena } = await readArena(of);
  const { name, cuts } = stepOf(of, "prune");
  const first = (keep: number): number[] => Array.from({ length: keep }, (_, unit) => unit);
  const kept = cuts.map(({ axis, from, keep }): [string, KeptAxis] => [
    axis,
    { axis, along: [], from, keep, sets: [first(keep)] },
  ]);
  const target = layoutNamed(of, name);
  return writeLlama(of, target, prune(layout, arena, new Map(kept), target), folder);
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
