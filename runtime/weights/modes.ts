/** A weight's axes before and after pruning, and which units of them are kept where. */
import type { ModelLayout, WeightEntry } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import type { Kept, KeptAxis } from "./kept.js";

/** One axis of a weight, before and after. */
export interface Mode {
  readonly axis: string;
  readonly from: number;
  readonly to: number;
  /** Elements from one index to the next. */
  readonly sourceStride: number;
  readonly targetStride: number;
  readonly cut: KeptAxis | null;
}

/** Source index of every axis chosen so far, the layer axis among them. */
export type Place = Map<string, number>;

const axesOf = (weight: WeightEntry): { axis: string; size: number }[] => weight.dims.flat();

/** The modes of a weight in storage order. */
export const modesOf = (source: WeightEntry, target: WeightEntry, kept: Kept): Mode[] => {
  const [from, to] = [axesOf(source), axesOf(target)];
  if (from.map(({ axis }) => axis).join() !== to.map(({ axis }) => axis).join())
    throw new RunError(`weight ${target.weight} has other axes before and after pruning`);
  let [sourceStride, targetStride] = [1, 1];
  const modes: Mode[] = [];
  for (let i = from.length - 1; i >= 0; i--) {
    const { axis = "", size: before = 0 } = from[i] ?? {};
    const after = to[i]?.size ?? 0;
    const cut = kept.get(axis) ?? null;
    if (after !== (cut?.keep ?? before))
      throw new RunError(
        `axis ${axis} of ${target.weight} is ${after}, pruning keeps ${cut?.keep ?? before}`,
      );
    modes.unshift({ axis, from: before, to: after, sourceStride, targetStride, cut });
    sourceStride *= before;
    targetStride *= after;
  }
  return modes;
};

/** The kept set of an axis where the axes it goes along stand at `place`; null where one of them is not set there. */
const setAt = (cut: KeptAxis, place: Place): readonly number[] | null => {
  let row = 0;
  for (const { name, size } of cut.along) {
    const index = place.get(name);
    if (index === undefined) return null;
    row = row * size + index;
  }
  return cut.sets[row] ?? null;
};

/** Modes so ordered that each comes after those it goes along; a weight that lacks one of them cannot be cut. */
export const ordered = (
  modes: readonly Mode[],
  weight: string,
  layerAxis: string | null,
): Mode[] => {
  const known = new Set(layerAxis === null ? [] : [layerAxis]);
  const left = [...modes];
  const done: Mode[] = [];
  while (left.length > 0) {
    const next = left.findIndex(
      ({ cut }) => cut?.along.every(({ name }) => known.has(name)) ?? true,
    );
    const [mode] = next < 0 ? [] : left.splice(next, 1);
    if (mode === undefined)
      throw new RunError(
        `axis ${left[0]?.axis} of ${weight} is cut along axes that ${weight} lacks`,
      );
    known.add(mode.axis);
    done.push(mode);
  }
  return done;
};

/** The source's unit for a unit of the target where the axes it goes along stand at `place`. */
export const sourceUnit = ({ cut }: Mode, unit: number, place: Place): number =>
  cut === null ? unit : (setAt(cut, place)?.[unit] ?? Number.NaN);

export const checkKept = (
  { axis, along, from, keep, sets }: KeptAxis,
  layout: ModelLayout,
): void => {
  if (layout.axes[axis] !== from)
    throw new RunError(`axis ${axis} is ${layout.axes[axis]}, its kept sets are of ${from}`);
  const places = along.reduce((product, { size }) => product * size, 1);
  if (sets.length !== places)
    throw new RunError(`axis ${axis} has ${sets.length} kept sets, ${places} wanted`);
  for (const { name, size } of along)
    if (layout.axes[name] !== size)
      throw new RunError(
        `axis ${name} is ${layout.axes[name]}, the kept sets of ${axis} go along ${size}`,
      );
  const fits = (set: readonly number[]): boolean =>
    set.length === keep && set.every((unit) => Number.isInteger(unit) && unit >= 0 && unit < from);
  if (!sets.every(fits)) throw new RunError(`a kept set of axis ${axis} is not ${keep} of ${from}`);
};

/** The source layer of each layer of the target. */
export const layersOf = (layout: ModelLayout, kept: Kept): ((layer: number) => number) => {
  const cut = layout.layerAxis === null ? undefined : kept.get(layout.layerAxis);
  if (cut !== undefined && cut.along.length > 0)
    throw new RunError(`the layers kept cannot differ along ${cut.along[0]?.name}`);
  const set = cut?.sets[0];
  return (layer) => (set === undefined ? layer : (set[layer] ?? Number.NaN));
};
