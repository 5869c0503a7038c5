/** Which layers stay is known when they are cut: what a GGUF file could not say of them is said then, before they are trained. */
import { isDeepStrictEqual } from "node:util";
import type { ExportStage, LayerRule, ModelLayout, Plan } from "../../compiler/plan.js";
import { RunError } from "../errors.js";

/** The pruning that a model has its layers from; null where none cut them. */
const cutterOf = (plan: Plan, model: string): string | null => {
  for (const stage of plan.stages) {
    if (stage.kind === "distill" && stage.name === model) return cutterOf(plan, stage.student);
    if (stage.kind === "random" && stage.model === model) return cutterOf(plan, stage.like);
    if (stage.kind !== "prune" || stage.name !== model) continue;
    const axis = plan.models[model]?.layerAxis;
    const isCut = stage.cuts.some((cut) => cut.axis === axis);
    return isCut ? stage.name : cutterOf(plan, stage.source);
  }
  return null;
};

const checkRule = (
  { keys, fits }: LayerRule,
  { name, layerLists }: ModelLayout,
  { path }: ExportStage,
): void => {
  for (const [layer, kinds] of fits.entries()) {
    const own = keys.map((key) => layerLists[key]?.[layer] ?? null);
    if (kinds.some((kind) => isDeepStrictEqual(kind, own))) continue;
    const said = keys.map((key, at) => `${key} ${JSON.stringify(own[at])}`).join(", ");
    throw new RunError(
      `${name} keeps layers that ${path} cannot say: layer ${layer} has ${said}, for which GGUF has no word`,
      {
        hint: "export as safetensors, or cut as many layers by scores of runs of layers as leave the others in their order",
      },
    );
  }
};

/** RunError where the layers of a model that was just pruned are none that its exports can say. */
export const checkLayers = (plan: Plan, pruned: ModelLayout): void => {
  for (const stage of plan.stages)
    if (stage.kind === "export" && cutterOf(plan, stage.model) === pruned.name)
      for (const rule of stage.gguf?.layers ?? []) checkRule(rule, pruned, stage);
};
