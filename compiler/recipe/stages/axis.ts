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

/** Whether something tapped scores the axis; says so if not. */
export const isTapped = (
  context: Context,
  name: Name,
  model: string,
  shape: ModelShape,
): boolean => {
  const axes = tappedAxes(shape);
  if (axes.includes(name.name)) return true;
  const { file, decl } = shape.architecture;
  const labels = [label(file, decl.name.span, `the architecture of \`${model}\``)];
  say(context, "untapped-axis", name.span, { axis: name.name, model, axes }, { labels });
  return false;
};

/** What the library says of an axis: its doc comment, or the comment at the end of its line. */
const remark = ({ file }: ModelShape["architecture"], item: AxisItem): string => {
  const trailing = file.comments.find(
    ({ span }) =>
      span.start >= item.span.end && !file.text.slice(item.span.end, span.start).includes("\n"),
  );
  return (item.doc ?? trailing?.text ?? "").replace(/^[/\s]+/, "").trim();
};

/** The axis whose remark speaks of the name, such as `query` (heads per group) for `heads`. */
const spokenOf = (name: string, shape: ModelShape): { axis: string; remark: string } | null => {
  const items = shape.architecture.decl.items.filter((item) => item.kind === "axis");
  const remarks = items.map((item) => ({
    axis: item.name.name,
    remark: remark(shape.architecture, item),
  }));
  const words = (text: string): string[] => text.toLowerCase().split(/[^a-z]+/);
  return (
    remarks.find((r) => name.length > 2 && words(r.remark).includes(name.toLowerCase())) ?? null
  );
};

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
  const spoken = near === null ? spokenOf(name.name, shape) : null;
  const { file, decl } = shape.architecture;
  say(
    context,
    "unknown-axis",
    name.span,
    { axis: name.name, model, axes, near, spoken },
    {
      labels: [label(file, decl.name.span, `axes here are ${axes.join(", ")}`)],
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
