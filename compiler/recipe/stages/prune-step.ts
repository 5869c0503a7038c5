/** The step of a pruning, with what becomes of weights by which an architecture computes with an axis' size. */
import type { Name } from "../../../grammar/ast.js";
import { tokenAxis } from "../../library/forward.js";
import type { ModelShape } from "../../library/library.js";
import { rescaled } from "../../library/rescale.js";
import { type Context, passOn } from "../context.js";
import type { PruneStep } from "../recipe.js";

export type Pruning = Omit<PruneStep, "kind" | "rescaled" | "tokens">;

/** Adds the step that makes `after` of `before`. */
export const pushPrune = (
  context: Context,
  name: Name,
  pruning: Pruning,
  before: ModelShape,
  after: ModelShape,
): void => {
  const change = rescaled(before, after);
  if (!change.ok) passOn(context, change.diagnostics, name.span);
  else {
    const tokens = pruning.cuts.some(({ axis }) => axis === tokenAxis(before))
      ? tokenAxis(before)
      : null;
    context.steps.push({
      kind: "prune",
      ...pruning,
      tokens,
      rescaled: Object.fromEntries(change.value),
    });
  }
};
