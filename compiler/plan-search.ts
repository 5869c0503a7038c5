/** The plan's part about searches: which candidate is trained, when that is given up, and how candidates are ranked. */

/** When the training of a candidate is given up: by the median of those that went on, after every few steps. */
export interface EarlyStop {
  /** Steps from one look to the next, over which losses are averaged. */
  readonly every: number;
  /** So many must have done better: as many as the next ranking keeps. */
  readonly keep: number;
}

/** What makes a distillation one of several. */
export interface Candidacy {
  readonly search: string;
  /** Of the search. */
  readonly id: number;
  /** The name that stands for all of them. */
  readonly of: string;
  /** Null where all are trained to the end. */
  readonly early: EarlyStop | null;
}

/**
 * Ranks the candidates of a search by a metric of the stages before, the least first. Those that do not go on are left out
 * of every later stage, of whatever model was made of them.
 */
export interface RankStage {
  readonly kind: "rank";
  readonly search: string;
  readonly of: string;
  readonly metric: string;
  readonly keep: number | null;
  readonly candidates: readonly {
    readonly id: number;
    readonly sizes: Readonly<Record<string, number>>;
    readonly model: string;
  }[];
}
