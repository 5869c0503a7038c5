/** Runs of layers that stand together: which of them a criterion scores. */
import type { CriterionUse, ModelShape, Run } from "./library.js";

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

export const layersOf = ({ axes, layerAxis }: ModelShape): number[] =>
  upTo(axes.find(({ name }) => name === layerAxis)?.size ?? 0);

/** Whether a criterion scores runs of layers, not units one by one. */
export const scoresRuns = ({ definition }: Pick<CriterionUse, "definition">): boolean =>
  definition.decl.subject?.of === "run" || definition.decl.subject?.of === "gap";

/** What a criterion of runs takes besides its own arguments: how long they are. */
export const RUN_LENGTH = "length";

/** Whether `length: 2` of a criterion is of its runs, and no argument of its own. */
export const takesRunLength = ({ definition }: Pick<CriterionUse, "definition">): boolean =>
  scoresRuns({ definition }) &&
  definition.decl.parameters.every(({ name }) => name.name !== RUN_LENGTH);

/** The one length of runs that is scored; null where all are, or where what is given is no number of layers. */
export const runLength = (use: CriterionUse): number | null => {
  const given = takesRunLength(use) ? use.args.get(RUN_LENGTH) : undefined;
  return given?.kind === "number" && Number.isInteger(given.value) && given.value >= 1
    ? given.value
    : null;
};

/** Runs of layers, the shortest first; where one length is asked for, those of it (a trial has fewer layers than that). */
export const runsOf = (use: CriterionUse, layers: number): Run[] => {
  const only = runLength(use);
  const lengths = only === null ? upTo(layers).map((less) => less + 1) : [Math.min(only, layers)];
  return lengths.flatMap((length) => upTo(layers - length + 1).map((start) => ({ start, length })));
};

/** What a criterion of a model without some of its layers leaves out, piece by piece. */
export const leftOut = (use: CriterionUse, shape: ModelShape): readonly Run[] => {
  const layers = layersOf(shape);
  return use.definition.decl.subject?.of === "gap"
    ? runsOf(use, layers.length)
    : layers.map((start) => ({ start, length: 1 }));
};
