/** What a run says of each stage, before and after. */
import type { Chapter, Plan, ScoreStage } from "../../compiler/plan.js";
import { taskOf } from "./candidacy.js";
import type { GivenUp } from "./early-stop.js";
import type { DoneResult } from "./stages.js";

export const stageTitle = (stage: Chapter["stages"][number]): string => {
  const task = taskOf(stage);
  switch (task.kind) {
    case "open":
    case "random":
    case "best":
    case "export":
      return `${task.kind} ${task.model}`;
    case "score":
    case "prune":
    case "distill":
      return `${task.kind} ${task.name}`;
    case "rank":
      return `rank ${task.of}`;
    case "evaluate":
    case "expect":
      return task.kind;
    default:
      return task satisfies never;
  }
};

/** Said where it is not the default. */
const inF16 = ({ arithmetic }: Pick<ScoreStage, "arithmetic">): string =>
  arithmetic === "f16" ? ", in f16" : "";

const sizesText = (sizes: Readonly<Record<string, number>>): string =>
  Object.entries(sizes)
    .map(([axis, size]) => `${axis} ${size}`)
    .join(", ");

/** The models that are measured. */
const measured = (stage: Extract<ReturnType<typeof taskOf>, { kind: "evaluate" }>): string =>
  ("models" in stage
    ? stage.models
    : [...stage.entries, ...stage.choices].map(({ model }) => model)
  ).join(", ");

export const stageDetail = (plan: Plan, listed: Chapter["stages"][number]): string => {
  const stage = taskOf(listed);
  switch (stage.kind) {
    case "open":
      return stage.path;
    case "random":
      return `of the shape of ${stage.like}, deviation ${stage.deviation}`;
    case "score":
      return stage.pass.kind === "sweep"
        ? `${stage.pass.sweep.windows} windows of ${stage.pass.sweep.data}${inF16(stage)}`
        : `${stage.pass.questions ?? "all"} questions of ${stage.pass.data}${inF16(stage)}`;
    case "prune":
      return (
        stage.cuts.map((cut) => `${cut.axis} ${cut.from} -> ${cut.keep}`).join(", ") ||
        "nothing is cut"
      );
    case "distill": {
      const window = plan.data[stage.data]?.window ?? 0;
      const taught = stage.arithmetic === "f16" ? ", the teacher in f16" : "";
      return `${stage.steps} steps of ${stage.windows * window} tokens${taught}`;
    }
    case "evaluate":
      return `${measured(stage)}${inF16(stage)}`;
    case "rank":
      return `${stage.candidates.length} candidates by ${stage.metric}`;
    case "best":
      return `${stage.from}: ${sizesText(stage.sizes)}`;
    case "expect":
      return stage.conditions.map((condition) => condition.text).join("; ");
    case "export":
      return `${stage.path} as ${stage.dtype}`;
    default:
      return stage satisfies never;
  }
};

const givenUpWords = (reason: GivenUp): string =>
  reason.why === "behind"
    ? `given up after ${reason.step} steps: loss ${reason.mean.toFixed(4)}, median ${reason.median.toFixed(4)}`
    : `given up: its loss is not a number at step ${reason.step}`;

export const stageSummary = (
  plan: Plan,
  stage: Chapter["stages"][number],
  result: DoneResult,
): string => {
  switch (result.kind) {
    case "open":
    case "random":
    case "best":
    case "prune": {
      const name = "model" in stage ? stage.model : stage.kind === "prune" ? stage.name : "";
      return `${(plan.models[name]?.parameters ?? 0).toLocaleString("en")} parameters`;
    }
    case "score":
      return result.tables.map((table) => table.axis).join(", ");
    case "distill":
      if (result.givenUp !== null) return givenUpWords(result.givenUp);
      return `loss ${result.loss.toFixed(4)} after ${result.tokens.toLocaleString("en")} tokens`;
    case "evaluate":
      return result.measures.map((m) => `${m.model} ${m.metric} ${m.value.toFixed(3)}`).join(", ");
    case "rank": {
      const [best] = result.ranking.rows;
      return best?.kept === true ? `${best.model} is best` : "no candidate goes on";
    }
    case "expect":
      return result.verdicts.every((verdict) => verdict.holds) ? "all hold" : "not all hold";
    case "export":
      return "written";
    default:
      return result satisfies never;
  }
};
