/** Multiple choice by log likelihood: how often the right choice has the best score. */
import type { ChoiceEntry } from "../../compiler/plan.js";
import type { Choice, Question } from "../data/questions.js";
import { RunError } from "../errors.js";
import { evaluateScalar } from "../scalar.js";
import { programNamed, type RunContext, releaseProgram, textsOf, upload } from "./context.js";

type Length = ChoiceEntry["lengths"][number];

/** The texts of one length, filled up: attention looks back only, so what fills them does not count. */
const fed = (batch: readonly Choice[], { length, windows }: Length) => {
  const tokens = new Uint32Array(windows * length);
  const labels = new Uint32Array(windows * length);
  for (const [row, choice] of batch.entries()) {
    tokens.set(choice.tokens.subarray(0, -1), row * length);
    labels.set(choice.tokens.subarray(1), row * length);
  }
  return { tokens, labels };
};

/** The log likelihood of each choice after its question, in nats. */
export const likelihoodsOf = async (
  context: RunContext,
  { lengths }: ChoiceEntry,
  choices: readonly Choice[],
): Promise<ReadonlyMap<Choice, number>> => {
  const found = new Map<Choice, number>();
  const total = choices.length;
  let shorter = 0;
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
      const logs = await program.output("likelihoods");
      for (const [row, choice] of batch.entries()) {
        const end = row * length.length + choice.tokens.length - 1;
        found.set(
          choice,
          logs.subarray(end - choice.own, end).reduce((sum, log) => sum + log, 0),
        );
      }
      const tokens = batch.length * length.length;
      context.reporter.progress({ done: found.size, total, tokens });
    }
    await releaseProgram(context, length.program);
  }
  return found;
};

/** The best choice, of equals the first. */
const best = (scores: readonly number[]): number => scores.indexOf(Math.max(...scores));

const isRight = (
  { choices, answer }: Question,
  score: ChoiceEntry["metrics"][number]["score"],
  likelihoods: ReadonlyMap<Choice, number>,
): boolean =>
  best(
    choices.map((choice) => {
      const { own, characters, bytes } = choice;
      const likelihood = likelihoods.get(choice) ?? Number.NaN;
      return evaluateScalar(score, { likelihood, tokens: own, characters, bytes });
    }),
  ) === answer;

/** Every metric of one model over the questions. */
export const runChoices = async (
  context: RunContext,
  entry: ChoiceEntry,
): Promise<readonly { readonly name: string; readonly value: number }[]> => {
  const set = textsOf(context, entry.model).questions.get(entry.data);
  if (set === undefined) throw new RunError(`the plan has no questions ${entry.data}`);
  await upload(context, entry.model);
  const { questions } = set;
  const all = questions.flatMap(({ choices }) => choices);
  const likelihoods = await likelihoodsOf(context, entry, all);
  return entry.metrics.map(({ name, score }) => {
    const right = questions.filter((question) => isRight(question, score, likelihoods)).length;
    return { name, value: right / questions.length };
  });
};
