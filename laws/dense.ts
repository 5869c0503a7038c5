/** Dense arrays by coordinates, for definitions written as loops. */
import type { Axis, Dense } from "../compiler/ir/tensor.js";
import { sizeOf } from "../compiler/ir/tensor.js";
import { randomIndex, randomValue, streamOf } from "./random.js";

export type Place = Readonly<Record<string, number>>;

/** Every place of `axes`, row-major. */
export const places = (axes: readonly Axis[]): Place[] =>
  axes.reduce<Place[]>(
    (sofar, { name, size }) =>
      sofar.flatMap((place) => Array.from({ length: size }, (_, i) => ({ ...place, [name]: i }))),
    [{}],
  );

/** The value at `place`; coordinates of other axes are not looked at. */
export const at = (dense: Dense, place: Place): number => {
  let offset = 0;
  for (const { name, size } of dense.axes) offset = offset * size + (place[name] ?? Number.NaN);
  return dense.data[offset] ?? Number.NaN;
};

export const fill = (axes: readonly Axis[], value: (place: Place) => number): Dense => ({
  axes,
  data: Float64Array.from(places(axes), value),
});

export const randomDense = (name: string, axes: readonly Axis[], seed: number): Dense => ({
  axes,
  data: Float64Array.from({ length: sizeOf(axes) }, (_, i) => randomValue(seed, streamOf(name), i)),
});

export const randomIndices = (
  name: string,
  axes: readonly Axis[],
  seed: number,
  below: number,
): Dense => ({
  axes,
  data: Float64Array.from({ length: sizeOf(axes) }, (_, i) =>
    randomIndex(seed, streamOf(name), i, below),
  ),
});

export const total = (values: Iterable<number>): number => {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
};

/** The largest difference relative to the larger of 1 and the values; NaN where one has NaN. */
export const distance = (left: Dense, right: Dense): number => {
  if (JSON.stringify(left.axes) !== JSON.stringify(right.axes)) return Number.NaN;
  let most = 0;
  left.data.forEach((value, i) => {
    const other = right.data[i] ?? Number.NaN;
    const gap = Math.abs(value - other) / Math.max(1, Math.abs(value), Math.abs(other));
    if (!(gap <= most)) most = gap;
  });
  return most;
};
