/** `espalier explain`: the plan, for people. */
import { explainPlan, explainText } from "../../compiler/explain.js";
import { EXIT } from "./exit.js";
import { planOf } from "./planned.js";
import { checkSpec, recipeOf, type SpecOptions } from "./spec.js";

export const explainCommand = async (spec: string, options: SpecOptions): Promise<void> => {
  const checked = checkSpec(spec, options);
  const recipe = recipeOf(checked);
  if (recipe === null) {
    process.exitCode = EXIT.spec;
    return;
  }
  const explanation = explainPlan(await planOf(recipe, checked.base, options.memory));
  process.stdout.write(
    options.json === true ? `${JSON.stringify(explanation, null, 2)}\n` : explainText(explanation),
  );
};
