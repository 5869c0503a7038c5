/** What results are a function of, hashed: so that what is kept from run to run is found by whoever wants the same. */
import { createHash } from "node:crypto";
import type { Chapter, Plan } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { taskOf } from "./candidacy.js";
import type { RunContext } from "./context.js";
import { canonicalJson, type LockInputs } from "./lock.js";

export const hash = (value: unknown): string =>
  createHash("sha256").update(canonicalJson(value)).digest("hex");

/** Programs and the kernels they launch. */
export const codeOf = ({ programs, kernels }: Plan, names: readonly string[]) => {
  const used = names.map((name) => programs[name]);
  const ids = used.flatMap((program) =>
    (program?.dispatches ?? []).flatMap(({ launches }) => launches.map(({ kernel }) => kernel)),
  );
  return { used, kernels: [...new Set(ids)].map((id) => kernels[id]) };
};

/** The stage that a model comes from. */
const makes = (stage: Chapter["stages"][number], name: string): boolean => {
  const task = taskOf(stage);
  switch (task.kind) {
    case "open":
    case "random":
    case "best":
      return task.model === name;
    case "prune":
    case "distill":
      return task.name === name;
    case "score":
    case "evaluate":
    case "rank":
    case "expect":
    case "export":
      return false;
    default:
      return task satisfies never;
  }
};

/** What a model's weights are a function of. */
export const identityOf = (context: RunContext, inputs: LockInputs, name: string): string => {
  const { plan, journal } = context;
  const stage = plan.stages.find((one) => makes(one, name));
  if (stage === undefined) throw new RunError(`the plan does not say where ${name} comes from`);
  if (stage.kind === "open") return hash(inputs.models[name]);
  if (stage.kind === "best") return identityOf(context, inputs, stage.from);
  if (stage.kind !== "prune") return hash([inputs, stage]);
  const indexOf = (name: string): number =>
    plan.stages.findIndex((s) => s.kind === "score" && s.name === name);
  const scored = stage.scores === null ? null : journal.result(indexOf(stage.scores));
  const source = identityOf(context, inputs, stage.source);
  const { name: _name, source: _source, scores: _scores, compensations, ...how } = stage;
  const made = compensations.map(({ scores: _scores, ...of }) => of);
  const taken = compensations.map(({ scores }) => journal.result(indexOf(scores)));
  return hash([source, { ...how, compensations: made }, scored, taken]);
};

/** What computes, and the data as it is read. */
export const readAs = ({ plan }: RunContext, inputs: LockInputs, data: string) => {
  const opened = plan.stages.find((s) => s.kind === "open");
  return {
    versions: inputs.versions,
    adapter: inputs.adapter,
    // Texts are read by the tokenizer of the first model.
    tokenizer: opened === undefined ? null : inputs.models[opened.model],
    data: [plan.data[data], inputs.data[data]],
  };
};
