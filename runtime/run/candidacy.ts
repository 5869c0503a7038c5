/** Which stages are about candidates of a search, whether they are compiled already or wait. */
import type {
  CandidateOf,
  Chapter,
  DistillStage,
  Stage,
  WaitingStage,
} from "../../compiler/plan.js";

type Listed = Chapter["stages"][number];

/** What a stage does, as far as it is known before it is compiled. */
export const taskOf = (stage: Listed): Stage | WaitingStage["does"] =>
  stage.kind === "waiting" ? stage.does : stage;

/** The candidate that a stage is about; null of any other stage. */
export const candidateOf = (stage: Listed): CandidateOf | null => {
  const task = taskOf(stage);
  return task.kind === "distill" || task.kind === "evaluate" ? task.candidate : null;
};

/** How a candidate is trained; null of any other stage. */
export const trainingOf = (stage: Listed): DistillStage["candidate"] => {
  const task = taskOf(stage);
  return task.kind === "distill" ? task.candidate : null;
};
