/** Multiple choice by log likelihood: how often the right choice has the best score, or what the right one has. */
import type { ChoiceEntry, ChoiceLength, ChoiceMetric } from "../../compiler/plan.js";
import type { Choice, Question } from "../data/questions.js";
import { RunError } from "../errors.js";
import { evaluateScalar } from "../scalar.js";
import { programNamed, type RunContext, releaseProgram, textsOf, upload } from "./context.js";

/** Log likelihoods of choices after their questions, in nats. */
export type Likelihoods = ReadonlyMap<Choice, number>;

/** The texts of one length, filled up: attention looks back only, so what fills them does not count. */
const fed = (batch: readonly Choice[], { length, windows }: ChoiceLength) => {
  const tokens = new Uint32Array(windows * length);
  const labels = new Uint32Array(windows * length);
  for (const [row, choice] of batch.entries()) {
    tokens.set(choice.tokens.subarray(0, -1), row * length);
    labels.set(choice.tokens.subarray(1), row * length);
  }
  return { tokens, labels };
};

/** Each choice's sum over its own tokens, of the logs [window, position] of a batch. */
const sumsOf = (logs: Float32Array, batch: readonly Choice[], length: number): number[] =>
  batch.map(({ tokens, own }, row) => {
    const end = row * length + tokens.length - 1;
    return logs.subarray(end - own, end).reduce((sum, log) => sum + log, 0);
  });

/** What each of some outputs of the programs, a model each, makes of every choice. */
export const likelihoodsOf = async (
  context: RunContext,
  lengths: readonly ChoiceLength[],
  outputs: readonly string[],
  choices: readonly Choice[],
): Promise<ReadonlyMap<string, Likelihoods>> => {
  const found = new Map(outputs.map((output) => [output, new Map<Choice, number>()]));
  let [shorter, done] = [0, 0];
  for (const length of lengths) {
    const own = choices.filter(({ tokens }) => {
      const size = tokens.length - 1;
      return size > shorter && size <= length.length;
    });
    shorter = length.length;
    for (let at = 0; at < own.length; at += length.windows) {
      const batch = own.slice(at, at + length.windows);
      const program = await programNamed(context, length.program);
      await program.run(fed(batch, length));
      for (const [output, sums] of found) {
        const logs = await program.output(output);
        for (const [row, sum] of sumsOf(logs, batch, length.length).entries())
          sums.set(batch[row] as Choice, sum);
      }
      done += batch.length;
      const tokens = batch.length * length.length;
      context.reporter.progress({ done, total: choices.length, tokens });
    }
    await releaseProgram(context, length.program);
  }
  return found;
};

/** The best choice, of equals the first. */
const best = (scores: readonly number[]): number => scores.indexOf(Math.max(...scores));

/** A metric of a model that finds these likelihoods. */
export const measure = (
  { of, score }: ChoiceMetric,
  questions: readonly Question[],
  likelihoods: Likelihoods,
): number => {
  const scoreOf = (choice: Choice): number => {
    const { own, characters, bytes } = choice;
    const likelihood = likelihoods.get(choice) ?? Number.NaN;
    return evaluateScalar(score, { likelihood, tokens: own, characters, bytes });
  };
  const values = questions.map(({ choices, answer }): number => {
    const scores = choices.map(scoreOf);
    return of === "choice" ? Number(best(scores) === answer) : (scores[answer] ?? Number.NaN);
  });
  return values.reduce((sum, value) => sum + value, 0) / questions.length;
};

/** The questions of some data as a model reads them. */
export const questionsOf = (
  context: RunContext,
  model: string,
  data: string,
): readonly Question[] => {
  const set = textsOf(context, model).questions.get(data);
  if (set === undefined) throw new RunError(`the plan has no questions ${data}`);
  return set.questions;
};

export const choicesOf = (questions: readonly Question[]): readonly Choice[] =>
  questions.flatMap(({ choices }) => choices);

/** Every metric of one model over the questions. */
export const runChoices = async (
  context: RunContext,
  { model, data, lengths, metrics }: ChoiceEntry,
): Promise<readonly { readonly name: string; readonly value: number }[]> => {
  const questions = questionsOf(context, model, data);
  await upload(context, model);
  const output = "likelihoods";
  const found = await likelihoodsOf(context, lengths, [output], choicesOf(questions));
  const likelihoods: Likelihoods = found.get(output) ?? new Map();
  return metrics.map((metric) => ({
    name: metric.name,
    value: measure(metric, questions, likelihoods),
  }));
};
