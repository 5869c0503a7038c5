/** Where a run gets what its plan leaves open: stages that wait for their turn, and what follows the best of a search. */
import type { Chapter, Part, Plan } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { candidateOf, trainingOf } from "./candidacy.js";
import type { Journal } from "./journal.js";
import { bestOf } from "./rank.js";

export interface Supply {
  /** A stage that waits, by its place in the plan. */
  readonly part: (index: number) => Part;
  /** What follows where this candidate is the best. */
  readonly next: (id: number) => Supplied;
}

export interface Supplied {
  readonly chapter: Chapter;
  readonly supply: Supply;
}

/** Of a plan that was compiled whole. */
export const withinPlan = ({ decision }: Chapter): Supply => ({
  part: (index) => {
    throw new RunError(`stage ${index} of the plan was not compiled`);
  },
  next: (id) => {
    const chapter = decision?.chapters[String(id)];
    if (chapter === undefined)
      throw new RunError(`the plan does not say what follows where candidate ${id} is the best`);
    return { chapter, supply: withinPlan(chapter) };
  },
});

/** Whether all of a plan was compiled. */
export const isCompiled = ({ stages, decision }: Chapter): boolean =>
  stages.every(({ kind }) => kind !== "waiting") &&
  (decision === null || Object.keys(decision.chapters).length > 0);

/** A plan as far as it is known, and where the rest comes from. */
export interface Course {
  readonly plan: Plan;
  readonly supply: Supply;
}

/** The plan with a stage's programs. */
export const withPart = (plan: Plan, { programs, kernels }: Part): Plan => ({
  ...plan,
  programs: { ...plan.programs, ...programs },
  kernels: { ...plan.kernels, ...kernels },
});

/** The plan with what follows the best candidate, which its last ranking tells; null where nothing does. */
export const continued = ({ plan, supply }: Course, journal: Journal): Course | null => {
  const { decision } = plan;
  if (decision === null) return null;
  const next = supply.next(bestOf({ plan, journal }, decision.search));
  const { models, stages, programs, kernels } = next.chapter;
  const longer: Plan = {
    ...plan,
    models: { ...plan.models, ...models },
    stages: [...plan.stages, ...stages],
    programs: { ...plan.programs, ...programs },
    kernels: { ...plan.kernels, ...kernels },
    decision: next.chapter.decision,
  };
  return { plan: longer, supply: next.supply };
};

/** To the end of what a complete run did. */
export const toTheEnd = (course: Course, journal: Journal): Course => {
  const next = continued(course, journal);
  return next === null ? course : toTheEnd(next, journal);
};

/**
 * Of the stages that wait, in each group of like ones that of the largest candidate: what it needs, the others are likely to
 * do with.
 */
export const heaviest = ({ stages, models }: Plan): readonly number[] => {
  const groups = new Map<string, { readonly index: number; readonly parameters: number }>();
  for (const [index, stage] of stages.entries()) {
    if (stage.kind !== "waiting") continue;
    const { does } = stage;
    const name = does.kind === "distill" ? does.student : (does.models[0] ?? "");
    const parameters = models[name]?.parameters ?? 0;
    const group = `${does.kind} ${candidateOf(stage)?.search} ${trainingOf(stage)?.of}`;
    if (parameters > (groups.get(group)?.parameters ?? -1))
      groups.set(group, { index, parameters });
  }
  return [...groups.values()].map(({ index }) => index);
};
