/** Where each tensor of a model lives: its name and shape in the file, its place in the model's weight arena. */
import type { Dtype } from "../../kernels/operand.js";
import type { Axis } from "../ir/tensor.js";
import type { Dtypes } from "../library/dtypes.js";
import { listsInConfig } from "../library/layer-list.js";
import type { ModelShape, WeightShape } from "../library/library.js";
import { prefixOf, tensorName } from "../library/tensor-names.js";
import type { ModelLayout, TensorPart, WeightEntry } from "../plan.js";
import { storedBytes } from "../schedule/target.js";

/** WebGPU's least storage-buffer offset alignment on every adapter, in bytes. */
const ALIGNMENT = 256;

export const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

export const elements = (dims: readonly (readonly Axis[])[]): number =>
  dims.flat().reduce((n, axis) => n * axis.size, 1);

const product = (sizes: readonly number[]): number => sizes.reduce((n, size) => n * size, 1);

/** Rows are the places of all that stands outside the parts, a row's elements those of all parts. */
const partOf = ({ dims, part }: WeightShape): TensorPart | null => {
  if (part === null) return null;
  const { dimension, shared, sizes, index } = part;
  const own = dims.map((axes) => product(axes.map(({ size }) => size)));
  const places = product((dims[dimension] ?? []).slice(0, shared).map(({ size }) => size));
  const inner = product(own.slice(dimension + 1));
  const units = (parts: readonly number[]): number => parts.reduce((sum, size) => sum + size, 0);
  const whole = units(sizes);
  return {
    shape: own.map((size, at) => (at === dimension ? places * whole : size)),
    rows: product(own.slice(0, dimension)) * places,
    row: whole * inner,
    start: units(sizes.slice(0, index)) * inner,
    length: (sizes[index] ?? 0) * inner,
  };
};

const entry = (
  weight: WeightShape,
  layer: number | null,
  offset: number,
  dtype: Dtype,
): WeightEntry => ({
  weight: weight.name,
  layer,
  file: tensorName(weight.file, layer),
  dims: weight.dims.map((axes) => axes.map(({ name, size }) => ({ axis: name, size }))),
  part: partOf(weight),
  offset,
  dtype,
});

/** What the architecture says of names in files. */
const namingOf = (shape: ModelShape): Pick<ModelLayout, "prefix" | "ignored"> => {
  const ignored = shape.architecture.decl.items.flatMap((item) =>
    item.kind === "ignore" ? item.names.map(({ value }) => value) : [],
  );
  return { prefix: prefixOf(shape), ignored };
};

/** Lays the weights out in order of declaration, layer after layer, each on a 256-byte boundary. */
export const layoutOf = (
  name: string,
  shape: ModelShape,
  flopsPerToken: number,
  dtypes: Dtypes = new Map(),
): ModelLayout => {
  const layers = shape.axes.find((axis) => axis.name === shape.layerAxis)?.size ?? 0;
  const weights: WeightEntry[] = [];
  let bytes = 0;
  const place = (weight: WeightShape, layer: number | null): void => {
    const dtype = dtypes.get(weight.name) ?? "f32";
    weights.push(entry(weight, layer, bytes, dtype));
    bytes += align(storedBytes(elements(weight.dims), dtype));
  };
  for (const weight of shape.weights) if (!weight.perLayer) place(weight, null);
  for (let layer = 0; layer < layers; layer++)
    for (const weight of shape.weights) if (weight.perLayer) place(weight, layer);
  return {
    name,
    axes: Object.fromEntries(shape.axes.map((axis) => [axis.name, axis.size])),
    layerAxis: shape.layerAxis,
    paired: Object.fromEntries(shape.paired),
    weights,
    ...namingOf(shape),
    bytes,
    parameters: shape.parameters,
    config: shape.config,
    layerLists: listsInConfig(shape.layerLists),
    flopsPerToken,
  };
};

/** The state buffers of a model and of its training. */
export const stateOf = {
  weights: (model: string): string => `${model}.weights`,
  gradients: (model: string): string => `${model}.gradients`,
  first: (model: string): string => `${model}.first`,
  second: (model: string): string => `${model}.second`,
  past: (model: string, length: number): string => `${model}.past${length}`,
  row: (model: string): string => `${model}.row`,
};
