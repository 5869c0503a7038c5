/** The axes of a model as a spec names them: which there are, which can be scored, where their sizes come from. */
import type { AxisItem, Name } from "../../../grammar/ast.js";
import { nearest } from "../../../grammar/suggest.js";
import type { Axis } from "../../ir/tensor.js";
import type { ModelShape } from "../../library/library.js";
import { type Context, say } from "../context.js";
import { label } from "../report.js";

/** Axes that a tapped value scores. */
export const tappedAxes = (shape: ModelShape): string[] =>
  shape.axes
    .map((axis) => axis.name)
    .filter((name) => shape.along.has(name) || name === shape.layerAxis);

/** The axis called so, or null after saying which there are. */
export const axisNamed = (
  context: Context,
  name: Name,
  model: string,
  shape: ModelShape,
): Axis | null => {
  const axis = shape.axes.find((candidate) => candidate.name === name.name);
  if (axis !== undefined) return axis;
  const axes = shape.axes.map((candidate) => candidate.name);
  const near = nearest(name.name, axes);
  const { file, decl } = shape.architecture;
  say(
    context,
    "unknown-axis",
    name.span,
    { axis: name.name, model, axes, near },
    {
      labels: [label(file, decl.name.span, `the architecture of \`${model}\``)],
      ...(near === null ? {} : { fix: { span: name.span, replacement: near } }),
    },
  );
  return null;
};

/** The key of config.json that is this axis's size, where it is one and agrees. */
export const keyOf = (shape: ModelShape, axis: Axis): string | null => {
  const item = shape.architecture.decl.items.find(
    (candidate): candidate is AxisItem =>
      candidate.kind === "axis" && candidate.name.name === axis.name,
  );
  if (item?.value.kind !== "name") return null;
  return shape.config[item.value.name] === axis.size ? item.value.name : null;
};
