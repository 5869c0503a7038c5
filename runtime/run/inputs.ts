/** Everything a run reads, opened and hashed before the first stage, so that a missing file is said at once. */
import { resolve } from "node:path";
import type { OpenStage, Plan } from "../../compiler/plan.js";
import { type Corpus, openCorpora } from "../data/corpus.js";
import { openQuestions, type QuestionSet } from "../data/questions.js";
import { RunError } from "../errors.js";
import { hashModel } from "../formats/model-source.js";
import { tryWeights } from "../formats/open-model.js";
import type { Tokenizer } from "../formats/tokenizer.js";
import type { InputHash } from "./lock.js";
import { tokenizerOf } from "./tokenizer-of.js";

export interface InputHashes {
  readonly models: Readonly<Record<string, readonly InputHash[]>>;
  readonly data: Readonly<Record<string, readonly InputHash[]>>;
}

const opened = (plan: Plan): OpenStage[] =>
  plan.stages.filter((stage): stage is OpenStage => stage.kind === "open");

/** The plan's data as one tokenizer reads it. */
export interface Texts {
  readonly corpora: ReadonlyMap<string, Corpus>;
  readonly questions: ReadonlyMap<string, QuestionSet>;
}

export interface Inputs {
  /** As the tokenizer of the first model reads it. */
  readonly texts: Texts;
  readonly hashes: InputHashes;
}

/** Reads all data of the plan. Close its corpora when done. */
export const openTexts = async (plan: Plan, base: string, tokenizer: Tokenizer): Promise<Texts> => {
  const sources = Object.values(plan.data);
  const questions = new Map<string, QuestionSet>();
  const texts = sources.filter((source) => source.kind !== "choices");
  for (const source of sources)
    if (source.kind === "choices")
      questions.set(source.name, await openQuestions(source, base, tokenizer));
  return { corpora: await openCorpora(texts, base, tokenizer), questions };
};

const firstTexts = async (
  plan: Plan,
  base: string,
  first: OpenStage | undefined,
): Promise<Texts> => {
  if (Object.keys(plan.data).length === 0) return { corpora: new Map(), questions: new Map() };
  if (first === undefined)
    throw new RunError("a recipe with data opens a model, whose tokenizer reads it");
  return openTexts(plan, base, await tokenizerOf(base, first));
};

export const openInputs = async (plan: Plan, base: string): Promise<Inputs> => {
  const stages = opened(plan);
  for (const { model, path, gguf } of stages) {
    const layout = plan.models[model];
    if (layout !== undefined) await tryWeights(resolve(base, path), gguf, layout);
  }
  const texts = await firstTexts(plan, base, stages[0]);
  const models: Record<string, readonly InputHash[]> = {};
  for (const stage of stages) models[stage.model] = await hashModel(resolve(base, stage.path));
  const data = Object.fromEntries(
    [...texts.corpora, ...texts.questions].map(([name, { files }]) => [name, files]),
  );
  return { texts, hashes: { models, data } };
};
