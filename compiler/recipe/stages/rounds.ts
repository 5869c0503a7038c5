/**
 * `rounds T` in a `prune`: T times a part of the way to the target, each by scores of what the round before left (Minitron,
 * section 2.3: round i goes to from − (i + 1) · (from − keep) / T). Written out as the stages that they are. What a round cuts
 * is made up for by scores of the model that it cuts.
 */
import type { Name } from "../../../grammar/ast.js";
import type { Cut } from "../../plan.js";
import type { Context } from "../context.js";
import type { ScoreStep } from "../recipe.js";
import { type Pruning, pushPrune } from "./prune-step.js";
import { shapeAt } from "./shape-at.js";
import { type Source, unitsTogether } from "./targets.js";

/** The sizes that a round reaches, counted from 1. */
export const reached = (cut: Cut, round: number, rounds: number, together: number): number => {
  const units = (cut.from - cut.keep) / together;
  return cut.from - together * Math.round((round * units) / rounds);
};

/** Cuts of the round after `round`, from the sizes that `round` reached; axes that have nothing to lose in it are left out. */
const cutsOf = (
  cuts: readonly Cut[],
  { shape }: Source,
  round: number,
  rounds: number,
): readonly Cut[] =>
  cuts
    .map((cut) => {
      const together = unitsTogether(shape, cut.axis);
      const from = reached(cut, round, rounds, together);
      return { ...cut, from, keep: reached(cut, round + 1, rounds, together) };
    })
    .filter(({ from, keep }) => keep < from);

/**
 * Adds the stages of a pruning in rounds: all but the last make models and scores that no name of the spec stands for.
 * `scorings` are the steps of all scores that it uses.
 */
export const pushRounds = (
  context: Context,
  name: Name,
  source: Source,
  pruning: Pruning,
  scorings: readonly ScoreStep[],
  rounds: number,
): void => {
  let model = pruning.source;
  /** The scores of a round that stand for those of the spec. */
  let scoresOf = (scores: string): string => scores;
  let before = source.shape;
  for (let round = 0; round < rounds; round++) {
    const last = round === rounds - 1;
    const cuts = cutsOf(pruning.cuts, source, round, rounds);
    const next = last ? pruning.name : `${pruning.name}.round${round + 1}`;
    const sizes = pruning.cuts.map((cut): [string, number] => [
      cut.axis,
      reached(cut, round + 1, rounds, unitsTogether(source.shape, cut.axis)),
    ]);
    const shape = shapeAt(context, name, source, new Map(sizes));
    if (shape === null) return;
    const scores = pruning.scores === null ? null : scoresOf(pruning.scores);
    const compensations = pruning.compensations.map((made) => ({
      ...made,
      scores: scoresOf(made.scores),
    }));
    const step = { ...pruning, name: next, source: model, scores, cuts, compensations };
    pushPrune(context, name, step, before, shape);
    if (last) return;
    before = shape;
    context.between.set(next, shape);
    scoresOf = (own) => `${own}.${next}`;
    for (const scoring of scorings)
      context.steps.push({ ...scoring, name: scoresOf(scoring.name), model: next });
    model = next;
  }
};
