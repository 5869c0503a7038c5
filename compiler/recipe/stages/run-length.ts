/** `length: 2` of a criterion of runs of layers: runs of that length alone are scored, and a cut takes out one of them. */
import type { Name } from "../../../grammar/ast.js";
import type { Span } from "../../../grammar/span.js";
import type { CriterionUse, ModelShape } from "../../library/library.js";
import { RUN_LENGTH, runLength } from "../../library/runs.js";
import type { Cut } from "../../plan.js";
import { type Context, excerpt, say } from "../context.js";
import type { ScoreStep } from "../recipe.js";
import { reached } from "./rounds.js";

/** Whether the model has runs of the length that is asked for, besides itself; says so where it has none. */
export const hasRuns = (
  context: Context,
  use: CriterionUse,
  { name }: Name,
  { axes }: ModelShape,
): boolean => {
  const given = use.args.get(RUN_LENGTH);
  const length = runLength(use);
  const layers = axes.find((axis) => axis.name === name)?.size ?? 0;
  if (given === undefined || (length !== null && length < layers)) return true;
  say(context, "value-range", given.span, {
    what: `\`${RUN_LENGTH}\``,
    takes: `a whole number of \`${name}\` from 1 to ${layers - 1}`,
    found: excerpt(context, given.span),
  });
  return false;
};

/** Whether a cut from one size to another takes out a run that was scored, or none; says so at `span` where it does not. */
const scoredRun = (
  context: Context,
  span: Span,
  { name, entries }: ScoreStep,
  axis: string,
  cut: number,
): boolean => {
  const use = entries.find((entry) => entry.axis === axis)?.criterion;
  const length = use === undefined ? null : runLength(use);
  if (length === null || cut === 0 || cut === length) return true;
  say(context, "run-length", span, { score: name, axis, length, cut });
  return false;
};

/** Whether each of so many rounds takes out a run of layers that was scored. */
export const roundsFit = (
  context: Context,
  span: Span,
  scores: ScoreStep,
  cuts: readonly Cut[],
  rounds: number,
): boolean =>
  cuts.every((cut) =>
    Array.from({ length: rounds }, (_, round) => round).every((round) =>
      scoredRun(
        context,
        span,
        scores,
        cut.axis,
        reached(cut, round, rounds, 1) - reached(cut, round + 1, rounds, 1),
      ),
    ),
  );

/** Whether every size of a search's axes is one that a run which was scored leads to. */
export const sizesFit = (
  context: Context,
  span: Span,
  scores: ScoreStep,
  { axes }: ModelShape,
  candidates: readonly { readonly sizes: Readonly<Record<string, number>> }[],
): boolean =>
  candidates.every(({ sizes }) =>
    axes.every(({ name, size }) =>
      scoredRun(context, span, scores, name, size - (sizes[name] ?? size)),
    ),
  );
