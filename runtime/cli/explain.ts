/** `espalier explain`: the plan, for people. */
import { explainPlan } from "../../compiler/explain.js";
import { explainText } from "../../compiler/explain-text.js";
import { planSpec } from "./planned.js";
import type { SpecOptions } from "./spec.js";

export const explainCommand = async (spec: string, options: SpecOptions): Promise<void> => {
  const planned = await planSpec(spec, options, "explained");
  if (planned === null) return;
  const explanation = explainPlan(planned.plan);
  process.stdout.write(
    options.json === true ? `${JSON.stringify(explanation, null, 2)}\n` : explainText(explanation),
  );
};
