/** Small graphs of a model's forward pass, built to learn at check time whether a loss, metric or criterion fits it. */
import { Builder } from "../../ir/build.js";
import type { Axis, Input } from "../../ir/tensor.js";
import type { ConfigPlace } from "../../library/architecture.js";
import { forward } from "../../library/forward.js";
import type { Forward, ModelShape, Outcome } from "../../library/library.js";
import { type Named, visible } from "../../library/loss.js";
import { resize } from "../../library/resize.js";
import type { DataSource } from "../../plan.js";

/** As many windows as make the axis visible and cost little. */
const WINDOWS = 2;

export interface Symbolic {
  readonly builder: Builder;
  readonly axes: readonly [window: Axis, position: Axis];
  readonly tokens: Input;
  readonly labels: Input;
}

/** Data to try a graph on where there is none yet: only sizes matter. */
export const TRIAL = { window: 8 } as const;

/** What of data a trial depends on. */
export type TrialData = Pick<DataSource, "window">;

export const symbolic = (data: TrialData): Symbolic => {
  const builder = new Builder();
  const axes = [
    { name: "window", size: WINDOWS },
    { name: "position", size: data.window },
  ] as const;
  const tokens = builder.input("tokens", axes, "u32");
  return { builder, axes, tokens, labels: builder.input("labels", axes, "u32") };
};

/** Layers that show all there is to see: the second meets what the first leaves. */
const LAYERS = 2;

/** The shape with few layers, so that a trial costs the same however deep the model is. */
export const shallow = (shape: ModelShape): ModelShape => ({
  ...shape,
  axes: shape.axes.map((axis) =>
    axis.name === shape.layerAxis ? { ...axis, size: Math.min(axis.size, LAYERS) } : axis,
  ),
});

/** What a model is in a trial; one may teach a copy of itself, whose weights have other names. */
export type Role = "model" | "teacher";

/** A shape's forward pass of few layers: what fits it fits any number of them. */
export interface TriedPass {
  /** What the names of its weights begin with. */
  readonly role: Role;
  readonly pass: Forward;
  /** Its values and states. */
  readonly values: Named;
}

/** What has been tried in a check: a spec speaks of the same few shapes and data again and again. */
export interface Trials {
  readonly symbols: (data: TrialData) => Symbolic;
  readonly pass: (data: TrialData, role: Role, shape: ModelShape) => Outcome<TriedPass>;
  /** In any role, where only one model is looked at. */
  readonly anyPass: (data: TrialData, shape: ModelShape) => Outcome<TriedPass>;
  /** As `resize`; the same sizes give the same shape. */
  readonly resized: (
    shape: ModelShape,
    sizes: ReadonlyMap<string, number>,
    place: ConfigPlace,
  ) => Outcome<ModelShape>;
}

/** The map of a key, made where there is none yet. */
const within = <K, V>(maps: Map<K, Map<string, V>>, key: K): Map<string, V> => {
  const own = maps.get(key) ?? new Map<string, V>();
  maps.set(key, own);
  return own;
};

export const createTrials = (): Trials => {
  // Of the data, only the window's size is in a graph.
  const known = new Map<number, Symbolic>();
  const shapes = new Map<ModelShape, Map<string, ModelShape>>();
  const passes = new Map<ModelShape, Map<string, Outcome<TriedPass>>>();
  const symbols = (data: TrialData): Symbolic => {
    const made = known.get(data.window) ?? symbolic(data);
    known.set(data.window, made);
    return made;
  };
  const key = (data: TrialData, role: Role): string => `${role} ${data.window}`;
  const pass = (data: TrialData, role: Role, shape: ModelShape): Outcome<TriedPass> => {
    const own = within(passes, shape);
    const before = own.get(key(data, role));
    if (before !== undefined) return before;
    const made = forwardOf(symbols(data), role, shallow(shape));
    const tried: Outcome<TriedPass> = made.ok
      ? { ok: true, value: { role, pass: made.value, values: visible(made.value) } }
      : made;
    own.set(key(data, role), tried);
    return tried;
  };
  return {
    symbols,
    pass,
    // What is scored or measured first is most often a teacher.
    anyPass: (data, shape) =>
      passes.get(shape)?.get(key(data, "model")) ?? pass(data, "teacher", shape),
    resized: (shape, sizes, place) => {
      const own = within(shapes, shape);
      const key = JSON.stringify(shape.axes.map(({ name, size }) => sizes.get(name) ?? size));
      const before = own.get(key);
      if (before !== undefined) return { ok: true, value: before };
      const made = resize(shape, sizes, place);
      if (made.ok) own.set(key, made.value);
      return made;
    },
  };
};

/** The forward pass of one model, its weights named after `model`. */
export const forwardOf = (
  { builder, tokens }: Symbolic,
  model: string,
  shape: ModelShape,
): Outcome<Forward> => forward(shape, builder, { model, tokens });
