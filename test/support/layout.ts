/** Model layouts from a short description, laid out as the compiler does: each weight on a 256-byte boundary. */
import type { ModelLayout, WeightEntry } from "../../compiler/plan.js";

export interface WeightForm {
  readonly name: string;
  readonly perLayer: boolean;
  /** Axis names by stored dimension. */
  readonly dims: readonly (readonly string[])[];
}

export interface LayoutForm {
  readonly axes: Readonly<Record<string, number>>;
  readonly weights: readonly WeightForm[];
  readonly config?: Readonly<Record<string, unknown>>;
}

/** The layer axis is called "layer". */
export const layoutFrom = (
  name: string,
  { axes, weights, config = {} }: LayoutForm,
): ModelLayout => {
  const entries: WeightEntry[] = [];
  let [bytes, parameters] = [0, 0];
  const place = (weight: WeightForm, layer: number | null): void => {
    const dims = weight.dims.map((names) => names.map((axis) => ({ axis, size: axes[axis] ?? 0 })));
    const count = dims.flat().reduce((product, { size }) => product * size, 1);
    const file = layer === null ? weight.name : `layers.${layer}.${weight.name}`;
    entries.push({
      weight: weight.name,
      layer,
      file,
      dims,
      part: null,
      offset: bytes,
      dtype: "f32",
    });
    bytes += Math.ceil((count * 4) / 256) * 256;
    parameters += count;
  };
  for (const weight of weights) if (!weight.perLayer) place(weight, null);
  for (let layer = 0; layer < (axes.layer ?? 0); layer++)
    for (const weight of weights) if (weight.perLayer) place(weight, layer);
  return {
    name,
    axes,
    layerAxis: "layer",
    paired: {},
    weights: entries,
    prefix: "",
    ignored: [],
    bytes,
    parameters,
    config,
    layerLists: {},
    flopsPerToken: 0,
  };
};
