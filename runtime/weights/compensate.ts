/** Biases that make up for cut units: each takes in what the cut units of an axis gave on average (plan.ts, `Compensation`). */
import type { Compensation, ModelLayout, WeightEntry } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { ofFloats, readFloats, type StoredTensor } from "../formats/stored-tensor.js";
import { elementsOf, type Weights } from "../formats/weights.js";
import type { AxisScores } from "./decisions.js";
import type { Kept, KeptAxis } from "./kept.js";

/** A compensation with the numbers that stand for the units' activations. */
export interface Compensating {
  readonly compensation: Compensation;
  readonly table: AxisScores;
}

/** The entries of weights that the target has and the source has not: of nothing but zeros, in the source's sizes. */
const missingEntries = (source: ModelLayout, target: ModelLayout): readonly WeightEntry[] => {
  const known = new Set(source.weights.map(({ weight }) => weight));
  const first = new Map(
    target.weights.filter(({ weight }) => !known.has(weight)).map((entry) => [entry.weight, entry]),
  );
  const layers = source.axes[source.layerAxis ?? ""] ?? 0;
  return [...first.values()].flatMap((entry) => {
    const dims = entry.dims.map((axes) =>
      axes.map(({ axis, size }) => ({ axis, size: source.axes[axis] ?? size })),
    );
    if (entry.layer === null) return [{ ...entry, dims }];
    return Array.from({ length: layers }, (_, layer) => ({ ...entry, dims, layer }));
  });
};

/** What is kept of an axis, to be looked up. */
interface Cut {
  readonly axis: string;
  readonly along: KeptAxis["along"];
  readonly sets: readonly ReadonlySet<number>[];
}

const cutOf = ({ axis, along, sets }: KeptAxis): Cut => ({
  axis,
  along,
  sets: sets.map((set) => new Set(set)),
});

/** Indices by axis. */
type Place = ReadonlyMap<string, number>;

const isCut = ({ axis, along, sets }: Cut, place: Place): boolean => {
  const set = along.reduce((at, { name, size }) => at * size + (place.get(name) ?? 0), 0);
  return sets[set]?.has(place.get(axis) ?? 0) === false;
};

interface Step {
  readonly axis: string;
  readonly size: number;
  readonly stride: number;
}

/** The axes of a weight with how far apart their units are. */
const stepsOf = ({ dims }: WeightEntry): readonly Step[] => {
  const flat = dims.flat();
  return flat.map(({ axis, size }, at) => {
    const stride = flat.slice(at + 1).reduce((product, next) => product * next.size, 1);
    return { axis, size, stride };
  });
};

/** Every place of some axes, row-major, and where it is in the weight. */
const placesOf = (steps: readonly Step[], from: Place) =>
  steps.reduce<{ readonly place: Place; readonly offset: number }[]>(
    (sofar, { axis, size, stride }) =>
      sofar.flatMap(({ place, offset }) =>
        Array.from({ length: size }, (_, unit) => ({
          place: new Map(place).set(axis, unit),
          offset: offset + unit * stride,
        })),
      ),
    [{ place: from, offset: 0 }],
  );

/** The number that stands for the unit at a place. */
const numberAt = ({ axis, along, size, within, scores }: AxisScores, place: Place): number => {
  const axes = [...along, { name: axis, size }, ...within];
  const index = axes.reduce((at, { name, size: count }) => at * count + (place.get(name) ?? 0), 0);
  return scores[index] ?? Number.NaN;
};

/** Σ over cut units of what stands for each times its weights, [outputs], in float64; without what earlier cuts took. */
const lost = (
  weight: Float32Array,
  entry: WeightEntry,
  table: AxisScores,
  cut: Cut,
  earlier: readonly Cut[],
  layer: Place,
): Float64Array => {
  const { axis, along, within } = table;
  const inputs = new Set([axis, ...[...along, ...within].map(({ name }) => name)]);
  const steps = stepsOf(entry);
  const gone = placesOf(
    steps.filter((step) => inputs.has(step.axis)),
    layer,
  ).filter(({ place }) => isCut(cut, place) && !earlier.some((other) => isCut(other, place)));
  const outputs = placesOf(
    steps.filter((step) => !inputs.has(step.axis)),
    new Map(),
  );
  const numbers = gone.map(({ place, offset }) => ({ offset, value: numberAt(table, place) }));
  return Float64Array.from(outputs, ({ offset }) =>
    numbers.reduce((sum, unit) => sum + unit.value * (weight[unit.offset + offset] ?? 0), 0),
  );
};

/** The source with its biases, those that it lacks among them, before anything is cut. */
export const compensated = (
  source: Weights,
  kept: Kept,
  target: ModelLayout,
  all: readonly Compensating[],
): Weights => {
  if (all.length === 0) return source;
  const missing = missingEntries(source.layout, target);
  const lacking = new Set(missing.map(({ weight }) => weight));
  const plain = (entry: WeightEntry): StoredTensor =>
    lacking.has(entry.weight)
      ? ofFloats(new Float32Array(elementsOf(entry)))
      : source.tensor(entry);
  const biasOf = async (entry: WeightEntry): Promise<Float32Array> => {
    const sums = Float64Array.from(await readFloats(plain(entry)));
    const { layerAxis } = source.layout;
    const place: Place = new Map(layerAxis === null ? [] : [[layerAxis, entry.layer ?? 0]]);
    const taken = new Map<string, Cut[]>();
    for (const { compensation, table } of all.filter(
      (one) => one.compensation.bias === entry.weight,
    )) {
      const { axis, weight } = compensation;
      const own = kept.get(axis);
      const origin = source.layout.weights.find(
        (w) => w.weight === weight && w.layer === entry.layer,
      );
      if (origin === undefined)
        throw new RunError(`${source.layout.name} has no weight ${weight} that ${axis} goes into`);
      if (own === undefined) continue;
      const cut = cutOf(own);
      const floats = await readFloats(source.tensor(origin));
      const earlier = taken.get(weight) ?? [];
      lost(floats, origin, table, cut, earlier, place).forEach((value, i) => {
        sums[i] = (sums[i] ?? 0) + value;
      });
      taken.set(weight, [...earlier, cut]);
    }
    return Float32Array.from(sums);
  };
  const biases = new Set(all.map(({ compensation }) => compensation.bias));
  const tensor = (entry: WeightEntry): StoredTensor => {
    if (!biases.has(entry.weight)) return plain(entry);
    let made: Promise<StoredTensor> | null = null;
    const read = async (start: number, into: Uint8Array): Promise<void> => {
      made ??= biasOf(entry).then(ofFloats);
      await (await made).read(start, into);
    };
    return { dtype: "f32", count: elementsOf(entry), read };
  };
  const weights = [...source.layout.weights, ...missing];
  return { layout: { ...source.layout, weights }, tensor, close: source.close };
};
