/** A model's shape at other sizes, forward pass included; says why where the architecture cannot have it. */
import type { Name } from "../../../grammar/ast.js";
import type { ModelShape } from "../../library/library.js";
import { type Context, passOn } from "../context.js";
import type { Source } from "./targets.js";

export const shapeAt = (
  context: Context,
  name: Name,
  source: Source,
  sizes: ReadonlyMap<string, number>,
): ModelShape | null => {
  const shape = context.trials.resized(source.shape, sizes, {
    path: context.file.path,
    span: name.span,
  });
  if (!shape.ok) passOn(context, shape.diagnostics, name.span);
  return shape.ok ? shape.value : null;
};
