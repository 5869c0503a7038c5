/** Scores of layers by questions: what the model answers without them (Minitron in practice, arXiv 2408.11796, section 4.2). */
import type { AnswerPass, ScoreStage } from "../../compiler/plan.js";
import { shuffledWindows } from "../data/order.js";
import { RunError } from "../errors.js";
import { evaluateScalar } from "../scalar.js";
import { choicesOf, likelihoodsOf, measure, questionsOf } from "./choices.js";
import { type RunContext, upload } from "./context.js";

const WHOLE = "whole";

/** Which questions are asked, in order: all, or a seeded sample. */
export const askedQuestions = (
  context: RunContext,
  { name, model }: ScoreStage,
  { data, questions }: AnswerPass,
): readonly number[] => {
  const { length } = questionsOf(context, model, data);
  if (questions === null) return Array.from({ length }, (_, index) => index);
  if (length < questions)
    throw new RunError(`data ${data} has ${length} questions, the recipe takes ${questions}`, {
      hint: "take fewer questions, or give it more",
    });
  return shuffledWindows(context.plan.seed, name, length).slice(0, questions);
};

/** The scores of the stage's table, one for each of its outputs. */
export const runAnswers = async (
  context: RunContext,
  { model, tables }: ScoreStage,
  pass: AnswerPass,
  asked: readonly number[],
): Promise<ReadonlyMap<string, readonly number[]>> => {
  const all = questionsOf(context, model, pass.data);
  const questions = asked.flatMap((index) => all[index] ?? []);
  const rests = tables.flatMap(({ outputs }) => outputs);
  const whole = pass.measures.some(({ of }) => of === "whole") ? [WHOLE] : [];
  await upload(context, model);
  const outputs = [...whole, ...rests];
  const found = await likelihoodsOf(context, pass.lengths, outputs, choicesOf(questions));
  const scoreOf = (rest: string): number => {
    const variables = pass.measures.map(({ variable, metric, of }) => {
      const likelihoods = found.get(of === "whole" ? WHOLE : rest) ?? new Map();
      return [variable, measure(metric, questions, likelihoods)] as const;
    });
    return evaluateScalar(pass.score, Object.fromEntries(variables));
  };
  return new Map(rests.map((rest) => [rest, [scoreOf(rest)]]));
};
