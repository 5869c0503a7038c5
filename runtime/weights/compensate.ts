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

/** The set of kept units, and where the numbers of the units begin, in a layer. */
const unitsIn = ({ along, sets }: KeptAxis, { size }: AxisScores, layer: number | null) => {
  const place = along.length === 0 ? 0 : (layer ?? 0);
  return { kept: new Set(sets[place] ?? []), start: place * size };
};

/** Σ over cut units of the unit's number times its weights, [outputs], in float64. */
const lost = (
  weight: Float32Array,
  { dims }: WeightEntry,
  { table }: Compensating,
  axis: KeptAxis,
  layer: number | null,
): Float64Array => {
  const flat = dims.flat();
  const at = flat.findIndex((dim) => dim.axis === table.axis);
  const inner = flat.slice(at + 1).reduce((product, { size }) => product * size, 1);
  const { kept, start } = unitsIn(axis, table, layer);
  const sums = new Float64Array(weight.length / table.size);
  weight.forEach((value, i) => {
    const unit = Math.floor(i / inner) % table.size;
    if (kept.has(unit)) return;
    const output = Math.floor(i / (inner * table.size)) * inner + (i % inner);
    sums[output] = (sums[output] ?? 0) + value * (table.scores[start + unit] ?? Number.NaN);
  });
  return sums;
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
    for (const one of all.filter(({ compensation }) => compensation.bias === entry.weight)) {
      const { axis, weight } = one.compensation;
      const cut = kept.get(axis);
      const origin = source.layout.weights.find(
        (w) => w.weight === weight && w.layer === entry.layer,
      );
      if (origin === undefined)
        throw new RunError(`${source.layout.name} has no weight ${weight} that ${axis} goes into`);
      if (cut === undefined) continue;
      const floats = await readFloats(source.tensor(origin));
      lost(floats, origin, one, cut, entry.layer).forEach((value, i) => {
        sums[i] = (sums[i] ?? 0) + value;
      });
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
