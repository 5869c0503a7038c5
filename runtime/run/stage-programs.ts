/** Which sweeps and programs of the plan a stage runs. */
import type { ScoreStage, Stage, Sweep } from "../../compiler/plan.js";

/** Of a sweep, whole or layer by layer. */
export const sweepPrograms = ({ batches, finish, streaming }: Sweep): readonly string[] => [
  ...batches.map(({ program }) => program),
  ...(streaming?.segments ?? []).flatMap((segment) => [
    ...segment.batches.map(({ program }) => program),
    ...(segment.conclude === null ? [] : [segment.conclude]),
  ]),
  finish,
];

export const sweepsOf = (stage: Stage): readonly Sweep[] => {
  if (stage.kind === "evaluate") return stage.entries.map(({ sweep }) => sweep);
  return stage.kind === "score" && stage.pass.kind === "sweep" ? [stage.pass.sweep] : [];
};

export const scorePrograms = ({ pass }: ScoreStage): readonly string[] =>
  pass.kind === "sweep" ? sweepPrograms(pass.sweep) : pass.lengths.map(({ program }) => program);

export const stagePrograms = (stage: Stage): readonly string[] => {
  switch (stage.kind) {
    case "score":
      return scorePrograms(stage);
    case "evaluate":
      return [
        ...stage.entries.flatMap(({ sweep }) => sweepPrograms(sweep)),
        ...stage.choices.flatMap(({ lengths }) => lengths.map(({ program }) => program)),
      ];
    case "distill":
      return [...(stage.kept === null ? [] : [stage.kept.program]), stage.gradient, stage.update];
    case "open":
    case "random":
    case "prune":
    case "rank":
    case "best":
    case "expect":
    case "export":
      return [];
    default:
      return stage satisfies never;
  }
};
