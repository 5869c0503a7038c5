/** The example's model and texts behind a spec of a test: its checked recipe, its plan, its stages run one by one. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { check } from "../../compiler/check.js";
import { compile } from "../../compiler/compile.js";
import type { Plan, Stage, WholePlan } from "../../compiler/plan.js";
import type { Recipe } from "../../compiler/recipe/recipe.js";
import { fileHost } from "../../runtime/cli/host.js";
import type { Device } from "../../runtime/device.js";
import { createExecutor } from "../../runtime/execute.js";
import type { RunContext } from "../../runtime/run/context.js";
import { openInputs } from "../../runtime/run/inputs.js";
import { createJournal } from "../../runtime/run/journal.js";
import { openMetricsLog } from "../../runtime/run/metrics-log.js";
import { silent } from "../../runtime/run/reporter.js";
import { createTuning } from "../../runtime/tune.js";

/** The folder that the specs' paths start from. */
export const examples = fileURLToPath(new URL("../../examples", import.meta.url));

/** A JSON file beside this one. */
export const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));

export const recipeOf = (text: string): Recipe => {
  const { recipe, diagnostics } = check("oracle.prune", text, fileHost(examples));
  if (recipe === null) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return recipe;
};

/** A run's context without a run. */
export const contextOf = async (plan: Plan, device: Device, out: string): Promise<RunContext> => {
  const { texts } = await openInputs(plan, examples);
  const tuning = createTuning(device.report, {}, { tune: false, folder: null });
  return {
    plan,
    base: examples,
    out,
    executor: createExecutor(device, plan.kernels, tuning),
    journal: await createJournal(out, {
      plan: "",
      base: examples,
      spec: null,
      adapter: "",
      tuning: {},
    }),
    metrics: openMetricsLog(out),
    reporter: silent,
    models: new Map(),
    uploaded: new Set(),
    texts,
    programs: new Map(),
    scores: null,
    interrupted: () => false,
  };
};

export const planFor = (text: string): WholePlan => compile(recipeOf(text));

/** The stage of a kind, of which the plan has one. */
export const stageOf = <K extends Stage["kind"]>(
  plan: Plan,
  kind: K,
): Extract<Stage, { kind: K }> => {
  const found = plan.stages.filter(
    (stage): stage is Extract<Stage, { kind: K }> => stage.kind === kind,
  );
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`${found.length} stages of ${kind}`);
  return only;
};
