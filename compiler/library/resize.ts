/** The same architecture at other sizes, with the config.json that says so. */
import type { AxisItem, Expr } from "../../grammar/ast.js";
import { Builder } from "../ir/build.js";
import type { Axis } from "../ir/tensor.js";
import { axesIn, type ConfigPlace, readArchitecture } from "./architecture.js";
import { evaluate } from "./elaborate.js";
import { withValues } from "./environment.js";
import { configEnvironment } from "./forward.js";
import { isUniform, listsInConfig } from "./layer-list.js";
import type { ModelShape, Outcome } from "./library.js";
import { mistake, outcome } from "./report.js";
import { numberValue } from "./value.js";

/** `hidden_size`, or the first choice of `head_dim ?? …`: the key that an axis is written back to. */
export const keyOf = (expr: Expr): string | null => {
  if (expr.kind === "name") return expr.name;
  return expr.kind === "binary" && expr.op === "??" ? keyOf(expr.left) : null;
};

/** The config.json of a shape with `sizes` in place of its axes' sizes, all of which are given. */
export const configAt = (
  shape: ModelShape,
  sizes: ReadonlyMap<string, number>,
): Record<string, unknown> => {
  const config: Record<string, unknown> = { ...shape.config };
  const whole = shape.axes.every((axis) => sizes.get(axis.name) === axis.size);
  // What a config.json leaves out stays out.
  if (whole) return config;
  const { items } = shape.architecture.decl;
  for (const item of items.filter(
    (candidate): candidate is AxisItem => candidate.kind === "axis",
  )) {
    const key = keyOf(item.value);
    const size = sizes.get(item.name.name);
    // Also where it stays: what it was when left out may follow from a size that changes.
    if (key !== null && size !== undefined) config[key] = size;
  }
  const env = withValues(
    configEnvironment(shape.library, new Builder(), shape),
    Array.from(sizes, ([name, size]) => [name, numberValue(size)]),
  );
  for (const item of items) {
    if (item.kind !== "config") continue;
    const value = evaluate(env, item.value);
    if (value.kind === "number" || value.kind === "text") config[item.key.name] = value.value;
  }
  return { ...config, ...listsAt(shape, sizes) };
};

/** Where layers go, lists with an entry for each are shorter; which entries are left, the run decides. */
const listsAt = (
  { layerAxis, layerLists, axes }: ModelShape,
  sizes: ReadonlyMap<string, number>,
): Readonly<Record<string, readonly unknown[]>> => {
  const layers = layerAxis === null ? undefined : sizes.get(layerAxis);
  if (axes.every(({ name, size }) => name !== layerAxis || size === layers)) return {};
  const shorter = [...layerLists].map(([key, entries]) => [key, entries.slice(0, layers)] as const);
  return listsInConfig(new Map(shorter));
};

/** Keys whose entries differ between layers of which some go, or did before. */
const undecidedAt = (shape: ModelShape, smaller: ModelShape): ReadonlySet<string> => {
  const layers = ({ axes, layerAxis }: ModelShape) =>
    axes.find(({ name }) => name === layerAxis)?.size;
  if (layers(shape) === layers(smaller)) return shape.undecided;
  const differing = [...shape.layerLists].filter(([, entries]) => !isUniform(entries));
  return new Set([...shape.undecided, ...differing.map(([key]) => key)]);
};

/** What the axes are read as from the config.json of a shape at other sizes: what follows from others may differ from what was asked for. */
export const axesSaid = (
  shape: ModelShape,
  changed: ReadonlyMap<string, number>,
  place: ConfigPlace,
): Outcome<readonly Axis[]> => {
  const config = outcome(() => configAt(shape, sizesAt(shape, changed)));
  return config.ok ? axesIn(shape.library, shape.architecture, config.value, place) : config;
};

const sizesAt = (
  { axes }: ModelShape,
  changed: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> =>
  new Map(axes.map(({ name, size }) => [name, changed.get(name) ?? size]));

/** How the architecture derives an axis, as it is written there. */
const becauseOf = ({ architecture }: ModelShape, axis: string): string => {
  const { file, decl } = architecture;
  const item = decl.items.find(
    (candidate): candidate is AxisItem => candidate.kind === "axis" && candidate.name.name === axis,
  );
  return item === undefined ? axis : file.text.slice(item.span.start, item.span.end);
};

/** The shape at new sizes (axes not named keep theirs); fails where config.json cannot say it. */
export const resize = (
  shape: ModelShape,
  changed: Readonly<Record<string, number>> | ReadonlyMap<string, number>,
  place: ConfigPlace,
): Outcome<ModelShape> => {
  const changes =
    changed instanceof Map ? changed : new Map(Object.entries(changed as Record<string, number>));
  const sizes = sizesAt(shape, changes);
  const config = outcome(() => configAt(shape, sizes));
  if (!config.ok) return config;
  // Before the forward pass is tried: at sizes that nobody asked for it may have mistakes that nobody made.
  const axes = axesIn(shape.library, shape.architecture, config.value, place);
  if (!axes.ok) return axes;
  const other = axes.value.find(({ name, size }) => size !== (sizes.get(name) ?? size));
  if (other !== undefined)
    return outcome(() =>
      mistake("config-cannot-say", place, place.span, {
        axis: other.name,
        wanted: sizes.get(other.name) ?? other.size,
        read: other.size,
        because: becauseOf(shape, other.name),
      }),
    );
  const read = readArchitecture(shape.library, config.value, place);
  if (!read.ok) return read;
  return { ok: true, value: { ...read.value, undecided: undecidedAt(shape, read.value) } };
};
