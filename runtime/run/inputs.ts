/** Everything a run reads, opened and hashed before the first stage, so that a missing file is said at once. */
import { resolve } from "node:path";
import type { OpenStage, Plan } from "../../compiler/plan.js";
import { type Corpus, openCorpora } from "../data/corpus.js";
import { RunError } from "../errors.js";
import { hashModel } from "../formats/model-source.js";
import type { InputHash } from "./lock.js";
import { tokenizerOf } from "./tokenizer-of.js";

export interface InputHashes {
  readonly models: Readonly<Record<string, readonly InputHash[]>>;
  readonly data: Readonly<Record<string, readonly InputHash[]>>;
}

const opened = (plan: Plan): OpenStage[] =>
  plan.stages.filter((stage): stage is OpenStage => stage.kind === "open");

export const openInputs = async (
  plan: Plan,
  base: string,
): Promise<{ readonly corpora: ReadonlyMap<string, Corpus>; readonly hashes: InputHashes }> => {
  const stages = opened(plan);
  const [first] = stages;
  let corpora: ReadonlyMap<string, Corpus> = new Map();
  const sources = Object.values(plan.data);
  if (sources.length > 0) {
    if (first === undefined)
      throw new RunError("a recipe with data opens a model, whose tokenizer reads it");
    const tokenizer = await tokenizerOf(base, first);
    corpora = await openCorpora(sources, base, tokenizer);
  }
  const models: Record<string, readonly InputHash[]> = {};
  for (const stage of stages) models[stage.model] = await hashModel(resolve(base, stage.path));
  const data = Object.fromEntries([...corpora].map(([name, corpus]) => [name, corpus.files]));
  return { corpora, hashes: { models, data } };
};
