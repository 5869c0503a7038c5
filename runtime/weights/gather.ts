/**
 * Pruning is a gather along named axes: each weight that carries a cut axis loses the same units of it, wherever that
 * axis stands among its dimensions; cutting the layer axis selects whole layers.
 */
import type { ModelLayout, WeightEntry } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import type { Kept, KeptAxis } from "./kept.js";

/** One axis of a weight, in both arenas. */
interface Mode {
  readonly axis: string;
  readonly from: number;
  readonly to: number;
  /** Elements from one index to the next. */
  readonly sourceStride: number;
  readonly targetStride: number;
  readonly cut: KeptAxis | null;
}

/** Loops over `modes`, then copies `block` elements that stay together. */
interface Gather {
  readonly source: Float32Array;
  readonly target: Float32Array;
  readonly modes: readonly Mode[];
  readonly block: number;
}

/** Source index of every axis chosen so far, the layer axis among them. */
type Place = Map<string, number>;

const axesOf = (weight: WeightEntry): { axis: string; size: number }[] => weight.dims.flat();

/** The modes of a weight in storage order. */
const modesOf = (source: WeightEntry, target: WeightEntry, kept: Kept): Mode[] => {
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
const ordered = (modes: readonly Mode[], weight: string, layerAxis: string | null): Mode[] => {
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

/** How many of the last modes are copied as one block: those uncut that no kept set goes along. */
const blockModes = (modes: readonly Mode[]): number => {
  const alongs = new Set(modes.flatMap(({ cut }) => cut?.along.map(({ name }) => name) ?? []));
  const whole = (mode: Mode | undefined): boolean =>
    mode !== undefined && mode.cut === null && !alongs.has(mode.axis);
  let count = 0;
  while (whole(modes.at(-1 - count))) count++;
  return count;
};

/** The innermost loop: single elements by index, or blocks. */
const copyUnits = (
  { source, target, block }: Gather,
  { to: count, sourceStride, targetStride }: Mode,
  set: readonly number[] | null,
  from: number,
  to: number,
): void => {
  for (let index = 0; index < count; index++) {
    const start = from + (set === null ? index : (set[index] ?? 0)) * sourceStride;
    const end = to + index * targetStride;
    if (block === 1) target[end] = source[start] ?? Number.NaN;
    else target.set(source.subarray(start, start + block), end);
  }
};

const copy = (gather: Gather, depth: number, place: Place, from: number, to: number): void => {
  const mode = gather.modes[depth];
  if (mode === undefined) {
    gather.target.set(gather.source.subarray(from, from + gather.block), to);
    return;
  }
  const set = mode.cut === null ? null : setAt(mode.cut, place);
  if (depth === gather.modes.length - 1) {
    copyUnits(gather, mode, set, from, to);
    return;
  }
  for (let index = 0; index < mode.to; index++) {
    const unit = set === null ? index : (set[index] ?? 0);
    place.set(mode.axis, unit);
    copy(gather, depth + 1, place, from + unit * mode.sourceStride, to + index * mode.targetStride);
  }
};

const checkKept = ({ axis, along, from, keep, sets }: KeptAxis, layout: ModelLayout): void => {
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
const layersOf = (layout: ModelLayout, kept: Kept): ((layer: number) => number) => {
  const cut = layout.layerAxis === null ? undefined : kept.get(layout.layerAxis);
  if (cut !== undefined && cut.along.length > 0)
    throw new RunError(`the layers kept cannot differ along ${cut.along[0]?.name}`);
  const set = cut?.sets[0];
  return (layer) => (set === undefined ? layer : (set[layer] ?? Number.NaN));
};

const weightKey = (weight: string, layer: number | null): string => JSON.stringify([weight, layer]);

/**
 * The arena of the pruned model, laid out as `target` says: f32 copies of the kept elements of `weights`, bit for bit.
 * Kept sets are in the source's numbers, so those of a layer are looked up before layers are dropped.
 */
export const prune = (
  source: ModelLayout,
  weights: Float32Array,
  kept: Kept,
  target: ModelLayout,
): Float32Array => {
  for (const axis of kept.values()) checkKept(axis, source);
  const sourceLayer = layersOf(source, kept);
  const origins = new Map(
    source.weights.map((entry) => [weightKey(entry.weight, entry.layer), entry]),
  );
  const arena = new Float32Array(target.bytes / 4);
  for (const entry of target.weights) {
    const layer = entry.layer === null ? null : sourceLayer(entry.layer);
    const origin = origins.get(weightKey(entry.weight, layer));
    if (origin === undefined)
      throw new RunError(
        `${source.name} has no weight ${entry.weight} to make that of ${target.name}`,
      );
    const modes = modesOf(origin, entry, kept);
    const whole = blockModes(modes);
    const looped = modes.slice(0, modes.length - whole);
    const block = modes.slice(modes.length - whole).reduce((product, mode) => product * mode.to, 1);
    const inLayer = layer === null ? null : source.layerAxis;
    const place: Place = new Map(inLayer === null || layer === null ? [] : [[inLayer, layer]]);
    const gather = {
      source: weights,
      target: arena,
      modes: ordered(looped, entry.weight, inLayer),
      block,
    };
    copy(gather, 0, place, origin.offset / 4, entry.offset / 4);
  }
  return arena;
};
