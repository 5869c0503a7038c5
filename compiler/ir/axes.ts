/** The axis rules of every operation: which axes a result has, and why operands do not fit together. */
import type { Attention, AttentionGrad, Axis, Input, Node } from "./tensor.js";

/** Operands whose axes do not fit; `axis` is the one at fault. */
export class AxisError extends Error {
  constructor(
    readonly reason: "missing" | "sizes-differ" | "repeated" | "not-indices" | "no-size",
    readonly axis: string,
    message: string,
  ) {
    super(message);
  }
}

/** Axes that come from outside, each with at least one unit: over none, a mean or a largest value is nothing. */
export const wholeAxes = (axes: readonly Axis[]): readonly Axis[] => {
  const empty = axes.find(({ size }) => !Number.isSafeInteger(size) || size < 1);
  if (empty === undefined) return axes;
  throw new AxisError(
    "no-size",
    empty.name,
    `axis \`${empty.name}\` has size ${empty.size}, which is not a whole number from 1`,
  );
};

/** "[window: 4, position: 8]" */
export const describeAxes = (axes: readonly Axis[]): string =>
  `[${axes.map((a) => `${a.name}: ${a.size}`).join(", ")}]`;

/** Counted, as are the loops below: graphs ask for little else, and iterators or closures would be most of what they cost. */
const axisNamed = (axes: readonly Axis[], name: string): Axis | undefined => {
  for (let at = 0; at < axes.length; at++) if (axes[at]?.name === name) return axes[at];
  return undefined;
};

export const hasAxis = (axes: readonly Axis[], name: string): boolean =>
  axisNamed(axes, name) !== undefined;

export const axisNames = (axes: readonly Axis[]): string[] => axes.map((a) => a.name);

export const withoutAxes = (axes: readonly Axis[], names: readonly string[]): Axis[] =>
  axes.filter((a) => !names.includes(a.name));

export const sameAxes = (left: readonly Axis[], right: readonly Axis[]): boolean =>
  left.length === right.length &&
  left.every((a, i) => a.name === right[i]?.name && a.size === right[i]?.size);

/** Both, in order of first appearance; `left` itself where the right side brings nothing. Equal names must have equal sizes. */
const joinAxes = (left: readonly Axis[], right: readonly Axis[]): readonly Axis[] => {
  let union: Axis[] | null = null;
  for (let at = 0; at < right.length; at++) {
    const axis = right[at] as Axis;
    const seen = axisNamed(union ?? left, axis.name);
    if (seen !== undefined && seen.size !== axis.size)
      throw new AxisError(
        "sizes-differ",
        axis.name,
        `axis ${axis.name} has size ${seen.size} on one side and ${axis.size} on the other`,
      );
    if (seen !== undefined) continue;
    union ??= [...left];
    union.push(axis);
  }
  return union ?? left;
};

/** Union in order of first appearance; equal names must have equal sizes. */
export const unionAxes = (...lists: readonly (readonly Axis[])[]): readonly Axis[] =>
  lists.reduce(joinAxes, []);

export const requireAxis = (axes: readonly Axis[], name: string): Axis => {
  const axis = axisNamed(axes, name);
  if (axis === undefined)
    throw new AxisError("missing", name, `no axis ${name} in ${describeAxes(axes)}`);
  return axis;
};

/** `names` in the order of `axes`, each once; all must be there. */
export const orderedNames = (axes: readonly Axis[], names: readonly string[]): string[] => {
  for (const name of names) requireAxis(axes, name);
  return axisNames(axes).filter((name) => names.includes(name));
};

const requireIndices = (indices: Input, axis: string): void => {
  if (indices.dtype !== "u32")
    throw new AxisError("not-indices", axis, `${indices.name} does not hold indices`);
};

export const mapAxes = (args: readonly Node[]): readonly Axis[] => {
  let axes = args[0]?.axes ?? [];
  for (let at = 1; at < args.length; at++) {
    const own = args[at]?.axes ?? [];
    if (own !== axes) axes = joinAxes(axes, own);
  }
  return axes;
};

export const permuteAxes = (arg: Node, order: readonly string[]): Axis[] => {
  if (order.length !== arg.axes.length)
    throw new AxisError(
      "missing",
      order[0] ?? "",
      `cannot order ${describeAxes(arg.axes)} by ${order}`,
    );
  const axes = order.map((name) => requireAxis(arg.axes, name));
  const repeated = order.find((name, i) => order.indexOf(name) !== i);
  if (repeated !== undefined)
    throw new AxisError("repeated", repeated, `axis ${repeated} is given twice`);
  return axes;
};

export const reduceAxes = (arg: Node, over: readonly string[]): Axis[] => {
  for (const name of over) requireAxis(arg.axes, name);
  return withoutAxes(arg.axes, over);
};

export const contractAxes = (left: Node, right: Node, over: readonly string[]): Axis[] => {
  const all = joinAxes(left.axes, right.axes);
  for (const name of over) {
    requireAxis(left.axes, name);
    requireAxis(right.axes, name);
  }
  return withoutAxes(all, over);
};

export const gatherAxes = (table: Node, indices: Input, axis: string): readonly Axis[] => {
  requireAxis(table.axes, axis);
  requireIndices(indices, axis);
  return unionAxes(indices.axes, withoutAxes(table.axes, [axis]));
};

export const scatterAxes = (value: Node, indices: Input, axis: Axis): Axis[] => {
  requireIndices(indices, axis.name);
  for (const { name } of indices.axes) requireAxis(value.axes, name);
  unionAxes(value.axes, indices.axes);
  const rest = withoutAxes(value.axes, axisNames(indices.axes));
  if (hasAxis(rest, axis.name))
    throw new AxisError("repeated", axis.name, `axis ${axis.name} is already in the value`);
  return [axis, ...rest];
};

/** Operands of an operation that must have exactly these axes, in this order. */
const requireAxes = (operand: Node, axes: readonly Axis[], what: string): void => {
  if (sameAxes(operand.axes, axes)) return;
  const at = axes.findIndex(({ name }, i) => name !== operand.axes[i]?.name);
  throw new AxisError(
    "missing",
    axes[at]?.name ?? "",
    `${what} needs ${describeAxes(axes)}, not ${describeAxes(operand.axes)}`,
  );
};

export const compactAxes = (arg: Node, mask: Node, axis: string, into: Axis): Axis[] => {
  const along = requireAxis(mask.axes, axis);
  requireAxes(arg, arg.axes.length === 1 ? [along] : mask.axes, "what is picked by a mask");
  const rest = withoutAxes(mask.axes, [axis]);
  if (hasAxis(rest, into.name))
    throw new AxisError("repeated", into.name, `axis ${into.name} is already in the mask`);
  return [...rest, into];
};

export const expandAxes = (
  arg: Node,
  places: Input,
  fill: Node,
  axis: string,
  into: Axis,
): Axis[] => {
  requireIndices(places, into.name);
  requireAxis(arg.axes.slice(-1), axis);
  requireAxes(places, arg.axes, "what says the places");
  const rest = arg.axes.slice(0, -1);
  requireAxes(fill, rest, "what fills the other places");
  if (hasAxis(rest, into.name))
    throw new AxisError("repeated", into.name, `axis ${into.name} is already in the value`);
  return [...rest, into];
};

export const renameAxes = (arg: Node, from: string, to: string): Axis[] => {
  requireAxis(arg.axes, from);
  if (hasAxis(arg.axes, to))
    throw new AxisError("repeated", to, `axis ${to} is already in ${describeAxes(arg.axes)}`);
  return arg.axes.map((a) => (a.name === from ? { name: to, size: a.size } : a));
};

type AttentionOperands = Pick<Attention, "q" | "k" | "v" | "position" | "dim">;

const requireAttention = ({ q, k, v, position, dim }: AttentionOperands): void => {
  unionAxes(q.axes, k.axes, v.axes);
  for (const operand of [q, k, v]) {
    requireAxis(operand.axes, position);
    requireAxis(operand.axes, dim);
    for (const axis of operand.axes) requireAxis(q.axes, axis.name);
  }
};

export const attentionAxes = (
  spec: AttentionOperands & Pick<Attention, "part">,
): readonly Axis[] => {
  requireAttention(spec);
  return spec.part === "out" ? spec.q.axes : withoutAxes(spec.q.axes, [spec.dim]);
};

export const attentionGradAxes = (
  spec: AttentionOperands & Pick<AttentionGrad, "part" | "lse" | "dOut" | "delta">,
): readonly Axis[] => {
  requireAttention(spec);
  const rows = withoutAxes(spec.q.axes, [spec.dim]);
  const exact = [
    [spec.lse, rows],
    [spec.delta, rows],
    [spec.dOut, spec.q.axes],
  ] as const;
  for (const [operand, axes] of exact) requireAxes(operand, axes, "attention's gradient");
  return { q: spec.q, k: spec.k, v: spec.v }[spec.part].axes;
};
