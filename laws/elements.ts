/** The numbers of a model one by one: where each stands by axis, and which stand where units were cut. */
import type { ModelLayout, WeightEntry } from "../compiler/plan.js";
import type { Kept } from "../runtime/weights/kept.js";
import { type Place, places } from "./dense.js";
import type { Model } from "./model.js";

/** One number of a weight: where it stands by axis (the layer's too), and in the arena. */
export interface Element {
  readonly weight: WeightEntry;
  readonly place: Place;
  readonly at: number;
}

export const elementsOf = (layout: ModelLayout): readonly Element[] =>
  layout.weights.flatMap((weight) => {
    const axes = weight.dims.flat().map(({ axis, size }) => ({ name: axis, size }));
    const layer = weight.layer === null ? {} : { [layout.layerAxis ?? ""]: weight.layer };
    return places(axes).map((place, i) => ({
      weight,
      place: { ...layer, ...place },
      at: weight.offset / 4 + i,
    }));
  });

/** Reads a model's numbers by weight and place. */
export const reader = ({ layout, arena }: Model) => {
  const named = new Map(layout.weights.map((w) => [`${w.weight}@${w.layer}`, w]));
  return (weight: string, layer: number | null, place: Place): number => {
    const entry = named.get(`${weight}@${layer}`);
    const axes = entry?.dims.flat() ?? [];
    const within = axes.reduce(
      (sum, { axis, size }) => sum * size + (place[axis] ?? Number.NaN),
      0,
    );
    return arena[(entry?.offset ?? Number.NaN) / 4 + within] ?? Number.NaN;
  };
};

/** The kept units of an axis at a place, in the source's numbers. */
export const setAt = (kept: Kept, axis: string, place: Place): readonly number[] | null => {
  const cut = kept.get(axis);
  if (cut === undefined) return null;
  const row = cut.along.reduce(
    (sum, { name, size }) => sum * size + (place[name] ?? Number.NaN),
    0,
  );
  return cut.sets[row] ?? null;
};

/** A place of a cut model in the numbers of its source. */
export const sourcePlace = (kept: Kept, place: Place): Place => {
  const unitOf = (axis: string): number => {
    const cut = kept.get(axis);
    const unit = place[axis] ?? Number.NaN;
    if (cut === undefined) return unit;
    const along = Object.fromEntries(cut.along.map(({ name }) => [name, unitOf(name)]));
    return setAt(kept, axis, along)?.[unit] ?? Number.NaN;
  };
  return Object.fromEntries(Object.keys(place).map((axis) => [axis, unitOf(axis)]));
};

/** The axes at this place whose unit is not kept. */
export const removedAt = (kept: Kept, place: Place): readonly string[] =>
  Object.entries(place).flatMap(([axis, unit]) =>
    setAt(kept, axis, place)?.includes(unit) === false ? [axis] : [],
  );

/** The model with 0 wherever `dead` says so. */
export const zeroed = (model: Model, dead: (element: Element) => boolean): Model => {
  const arena = model.arena.slice();
  for (const element of elementsOf(model.layout)) if (dead(element)) arena[element.at] = 0;
  return { ...model, arena };
};
