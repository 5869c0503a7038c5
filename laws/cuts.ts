/** Which axes of a small model to cut, and to what: sizes that units in pairs and config.json allow. */
import { tokenAxis } from "../compiler/library/forward.js";
import { isUniform } from "../compiler/library/layer-list.js";
import type { ModelShape } from "../compiler/library/library.js";
import { axesSaid, resize } from "../compiler/library/resize.js";
import type { Cut } from "../compiler/plan-prune.js";
import { PLACE, sizeIn } from "./model.js";

/** Small models have no larger ones. */
const MOST_STEP = 256;

/** The least number of units of an axis, of which a share comes in pairs, that make whole pairs; null where few make none. */
export const pairStep = (share: number): number | null => {
  const steps = Array.from({ length: MOST_STEP }, (_, i) => i + 1);
  return steps.find((units) => Number((units * share).toPrecision(12)) % 2 === 0) ?? null;
};

/** The least number of units that stay or go together; null where none but all of them do. */
const together = (shape: ModelShape, axis: string): number | null => {
  const share = shape.paired.get(axis)?.share;
  if (share === undefined) return 1;
  const size = sizeIn(shape, axis);
  const step = pairStep(share);
  return step !== null && size % step === 0 ? step : null;
};

/**
 * Axes that can be cut one by one, in the order of the architecture: not tokens (what reads them changes too), nor layers that
 * config.json tells apart, of which only a run decides which stay.
 */
export const cuttable = (shape: ModelShape): readonly string[] => {
  const uniform = [...shape.layerLists.values()].every(isUniform);
  return [...shape.along.keys()].filter(
    (axis) =>
      axis !== tokenAxis(shape) &&
      (uniform || axis !== shape.layerAxis) &&
      together(shape, axis) !== null,
  );
};

type Sizes = ReadonlyMap<string, number>;

const says = (shape: ModelShape, sizes: Sizes): boolean => resize(shape, sizes, PLACE).ok;

/** Sizes near the wanted ones that config.json can say; an axis that follows from others follows them. */
const sayable = (shape: ModelShape, wanted: Sizes, free: ReadonlySet<string>): Sizes => {
  if (says(shape, wanted)) return wanted;
  const read = axesSaid(shape, wanted, PLACE);
  const followed = new Map(
    read.ok
      ? read.value
          .filter(({ name, size }) => free.has(name) && size <= sizeIn(shape, name))
          .map(({ name, size }) => [name, size])
      : [],
  );
  if (followed.size > 0 && fits(shape, followed) && says(shape, followed)) return followed;
  let sizes: Sizes = new Map();
  for (const [axis, size] of wanted) {
    const next = new Map([...sizes, [axis, size] as const]);
    if (says(shape, next)) sizes = next;
  }
  return sizes;
};

const fits = (shape: ModelShape, sizes: Sizes): boolean =>
  [...sizes].every(([axis, size]) => size % (together(shape, axis) ?? size) === 0);

/**
 * The cuts that `keeps` says, of every axis that can be cut but those that stay `whole`; of axes that config.json cannot say
 * cut so, none. An axis that keeps all its units is among them.
 */
export const cutsOf = (
  shape: ModelShape,
  keeps: readonly number[],
  whole: readonly string[] = [],
): readonly Cut[] => {
  const axes = cuttable(shape).filter((axis) => !whole.includes(axis));
  const wanted = new Map(
    axes.map((axis, i) => {
      const step = together(shape, axis) ?? 1;
      const units = sizeIn(shape, axis) / step;
      return [axis, ((keeps[i] ?? 0) % units || units) * step];
    }),
  );
  const sizes = sayable(shape, wanted, new Set(axes));
  return axes.map((axis) => {
    const from = sizeIn(shape, axis);
    return { axis, from, keep: sizes.get(axis) ?? from };
  });
};

/** The axes whose units stand in pairs, told apart by their places: what is cut of them is not what was there before. */
export const placedAxes = (shape: ModelShape): readonly string[] => [...shape.paired.keys()];

export const stepOf = (shape: ModelShape, axis: string): number => together(shape, axis) ?? 1;

/** "hidden 5 -> 3, mlp 7 -> 2" */
export const cutsText = (cuts: readonly Cut[]): string =>
  cuts
    .filter(({ from, keep }) => keep < from)
    .map(({ axis, from, keep }) => `${axis} ${from} -> ${keep}`)
    .join(", ") || "nothing cut";
