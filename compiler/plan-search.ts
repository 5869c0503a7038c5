/** The plan's part about searches: which candidate is trained, when that is given up, how candidates are ranked, and the best. */

/** When the training of a candidate is given up: by the median of those that went on, after every few steps. */
export interface EarlyStop {
  /** Steps from one look to the next, over which losses are averaged. */
  readonly every: number;
  /** So many must have done better: as many as the next ranking keeps. */
  readonly keep: number;
}

/** A candidate of a search. */
export interface CandidateOf {
  readonly search: string;
  readonly id: number;
}

/** What makes a distillation one of several. */
export interface Candidacy extends CandidateOf {
  /** The name that stands for all of them. */
  readonly of: string;
  /** Null where all are trained to the end. */
  readonly early: EarlyStop | null;
}

/**
 * Ranks the candidates of a search by a metric of the stages before, the best first. Those that do not go on are left out
 * of every later stage, of whatever model was made of them.
 */
export interface RankStage {
  readonly kind: "rank";
  readonly search: string;
  readonly of: string;
  readonly metric: string;
  /** Which values are best: losses are the better the less they are, shares of right answers the more. */
  readonly best: "least" | "most";
  readonly keep: number | null;
  readonly candidates: readonly {
    readonly id: number;
    readonly sizes: Readonly<Record<string, number>>;
    readonly model: string;
  }[];
}

/** Gives the candidate that the last ranking of a search put first a name of its own. */
export interface BestStage {
  readonly kind: "best";
  readonly model: string;
  readonly search: string;
  /** The model that it is. */
  readonly from: string;
  readonly sizes: Readonly<Record<string, number>>;
}
