/** A search's name stands for many models: what a stage does to it, it does to each, and evaluations rank them. */
import { judgesChoices } from "../../library/choice-metric.js";
import type { Context } from "../context.js";
import type { DistillStep, EvaluateStep } from "../recipe.js";
import type { CandidateSet } from "../scope.js";

/** The model of a candidate, of the search or of what was made of it. */
export const candidateName = (set: string, id: number): string => `${set}.${id}`;

/** How often the candidates were ranked so far. */
export const rankingsOf = ({ steps }: Context, { search }: CandidateSet): number =>
  steps.filter((step) => step.kind === "rank" && step.search === search).length;

/** Distils each candidate; those that do worse are given up, looking `every` so many steps (null: none are). */
export const pushDistills = (
  context: Context,
  step: DistillStep,
  set: CandidateSet,
  every: number | null,
): void => {
  const keep = set.keeps[rankingsOf(context, set)] ?? 1;
  const early = every === null ? null : { every, keep };
  for (const { id, shape } of set.list) {
    const name = candidateName(step.name, id);
    context.between.set(name, shape);
    const candidate = { search: set.search, id, of: step.name, early };
    context.steps.push({ ...step, name, student: candidateName(step.student, id), candidate });
  }
};

/** Evaluates each candidate, and ranks them by the first metric; of a search that says so, only the best go on. */
export const pushRanking = (
  context: Context,
  step: Omit<EvaluateStep, "models" | "candidate">,
  name: string,
  set: CandidateSet,
): void => {
  const { search } = set;
  for (const { id } of set.list)
    context.steps.push({
      ...step,
      models: [candidateName(name, id)],
      candidate: { search, id },
    });
  const keep = set.keeps[rankingsOf(context, set)] ?? null;
  const [metric] = step.metrics;
  context.steps.push({
    kind: "rank",
    search,
    of: name,
    metric: metric?.decl.name.name ?? "",
    best: metric !== undefined && judgesChoices(metric) ? "most" : "least",
    keep,
    candidates: set.list.map(({ id, sizes }) => ({ id, sizes, model: candidateName(name, id) })),
  });
};
