/**
 * Giving up candidates while they train: where they diverge, and by the median stopping rule (Golovin et al. 2017, "Google
 * Vizier", section 3.2.2), a loss worse than the median of what finished candidates had at the same step. Vizier compares a
 * trial's best with means of all steps so far; here both sides are means of the steps since the look before, as all losses
 * fall fast at the start.
 */
import type { Candidacy, EarlyStop } from "../../compiler/plan.js";
import { trainingOf } from "./candidacy.js";
import type { RunContext } from "./context.js";

/** What is known of a candidate's losses so far; kept with its checkpoints. */
export interface Trace {
  /** Of each look, the mean loss of the steps since the one before. */
  readonly means: readonly number[];
  /** Losses of the steps since the last look. */
  readonly losses: readonly number[];
}

export const NO_TRACE: Trace = { means: [], losses: [] };

/** Why a candidate was given up, and after how many steps. */
export type GivenUp = Behind | Diverged;

interface Behind {
  readonly why: "behind";
  readonly step: number;
  readonly mean: number;
  /** Of the finished candidates at that step. */
  readonly median: number;
}

/** The loss of that step (from 1) is not a finite number. */
interface Diverged {
  readonly why: "diverged";
  readonly step: number;
}

/** Finished candidates without which there is no median worth the name. */
const LEAST_FINISHED = 2;

const sum = (values: readonly number[]): number => values.reduce((total, v) => total + v, 0);

const medianOf = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sum(sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1)) / (middle % 1 ? 1 : 2);
};

/** The median that a candidate's mean is hopelessly above; null where it may go on. `finished` are means of the same steps. */
export const hopelessAgainst = (
  mean: number,
  finished: readonly number[],
  keep: number,
): number | null => {
  if (finished.length < LEAST_FINISHED) return null;
  const median = medianOf(finished);
  const better = finished.filter((other) => other < mean).length;
  return mean > median && better >= keep ? median : null;
};

/** The trace with the loss of one more step; means are of whole rounds. */
export const traced = ({ means, losses }: Trace, loss: number, { every }: EarlyStop): Trace => {
  const all = [...losses, loss];
  return all.length < every
    ? { means, losses: all }
    : { means: [...means, sum(all) / all.length], losses: [] };
};

/** Means of the candidates that have trained to the end. */
const finishedMeans = ({ plan, journal }: RunContext, of: string): readonly (readonly number[])[] =>
  plan.stages.flatMap((stage, index) => {
    if (trainingOf(stage)?.of !== of) return [];
    const result = journal.result(index) as Trained | undefined;
    return result?.kind === "distill" && result.givenUp === null ? [result.means] : [];
  });

/** What the journal holds of a candidate's training. */
interface Trained {
  readonly kind: string;
  readonly means: readonly number[];
  readonly givenUp: GivenUp | null;
}

/** Whether a candidate that has just been looked at is given up. */
export const judged = (
  context: RunContext,
  { of, early }: Candidacy,
  { means, losses }: Trace,
): GivenUp | null => {
  const mean = means.at(-1);
  if (early === null || mean === undefined || losses.length > 0) return null;
  const others = finishedMeans(context, of).flatMap((all) => all[means.length - 1] ?? []);
  const median = hopelessAgainst(mean, others, early.keep);
  return median === null ? null : { why: "behind", step: means.length * early.every, mean, median };
};
