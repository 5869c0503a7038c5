/**
 * Pruning is a gather along named axes: each weight that carries a cut axis loses the same units of it, wherever that
 * axis stands among its dimensions; cutting the layer axis selects whole layers. The pruned model is a view of its
 * source: elements are looked up when they are read, in the type they are kept in, bit for bit.
 */
import type { ModelLayout, PruneStage, WeightEntry } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import { converted, DTYPE_BYTES, type StoredTensor } from "../formats/stored-tensor.js";
import type { Weights } from "../formats/weights.js";
import type { Kept } from "./kept.js";
import {
  checkKept,
  layersOf,
  type Mode,
  modesOf,
  ordered,
  type Place,
  sourceUnit,
} from "./modes.js";

/** Source bytes read at once, where one row is not larger: few enough to be in the processor's cache when they are copied. */
const SPAN_BYTES = 2 ** 20;
/** Rows that are dropped are read over rather than skipped, up to so many bytes. */
const GAP_BYTES = 64 * 2 ** 10;
/** A row is at least so many elements of the source, and a pattern of one at most so many, where axes allow it. */
const LEAST_ROW = 1024;
const MOST_ROW = 2 ** 20;

const product = (modes: readonly Mode[], side: "from" | "to"): number =>
  modes.reduce((count, mode) => count * mode[side], 1);

/** The last modes that stay whole and that no kept set goes along: they are copied as one block. */
const wholeModes = (modes: readonly Mode[]): number => {
  const alongs = new Set(modes.flatMap(({ cut }) => cut?.along.map(({ name }) => name) ?? []));
  let count = 0;
  for (const { cut, axis } of modes.toReversed()) {
    if (cut !== null || alongs.has(axis)) break;
    count++;
  }
  return count;
};

/** Whether what is kept of the first `count` modes depends on nothing within a row. */
const standsAlone = (modes: readonly Mode[], count: number): boolean => {
  const inside = new Set(modes.slice(count).map(({ axis }) => axis));
  return modes
    .slice(0, count)
    .every(({ cut }) => cut?.along.every(({ name }) => !inside.has(name)) ?? true);
};

/** How many of the modes number the rows; the others are within a row. */
const rowModes = (modes: readonly Mode[]): number => {
  const allowed = Array.from({ length: modes.length }, (_, i) => modes.length - 1 - i).filter(
    (count) => standsAlone(modes, count),
  );
  const fitting = allowed.find((count) => {
    const row = product(modes.slice(count), "from");
    return row >= LEAST_ROW && row <= MOST_ROW;
  });
  return fitting ?? allowed.find((count) => count > 0) ?? 0;
};

/** Where the kept elements of a row stand in the source's row: blocks of `block` from each of `starts`. */
interface Pattern {
  readonly starts: Uint32Array;
  readonly block: number;
}

/** The modes of a weight as rows of a matrix, each row a pattern. */
interface Rows {
  readonly outer: readonly Mode[];
  readonly inner: readonly Mode[];
  /** Both in an order in which each mode comes after those it goes along. */
  readonly outerOrder: readonly Mode[];
  readonly innerOrder: readonly Mode[];
  readonly sourceRow: number;
  readonly targetRow: number;
  readonly block: number;
  /** Axes that number rows and along which patterns differ. */
  readonly alongs: readonly string[];
  readonly layer: readonly (readonly [string, number])[];
}

/** Offset in the source of the element at `index` of the target among `modes`; fills `place` on the way. */
const locate = (
  modes: readonly Mode[],
  index: number,
  targetUnit: number,
  place: Place,
): number => {
  let at = 0;
  for (const mode of modes) {
    const digit = Math.floor(index / (mode.targetStride / targetUnit)) % mode.to;
    const unit = sourceUnit(mode, digit, place);
    place.set(mode.axis, unit);
    at += unit * mode.sourceStride;
  }
  return at;
};

const patternAt = ({ inner, innerOrder, block }: Rows, place: Place): Pattern => {
  const starts = new Uint32Array(product(inner, "to") / block);
  for (let i = 0; i < starts.length; i++) starts[i] = locate(innerOrder, i, block, new Map(place));
  return { starts, block };
};

type Elements = Uint16Array | Uint32Array;

const elementsIn = (bytes: Uint8Array, size: number): Elements =>
  size === 2
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)
    : new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);

/** Copies a row's kept elements. */
const copyRow = (
  source: Elements,
  from: number,
  { starts, block }: Pattern,
  target: Elements,
  to: number,
): void => {
  if (block === 1)
    for (let i = 0; i < starts.length; i++) target[to + i] = source[from + (starts[i] ?? 0)] ?? 0;
  else
    starts.forEach((start, i) => {
      target.set(source.subarray(from + start, from + start + block), to + i * block);
    });
};

interface Row {
  readonly at: number;
  readonly pattern: Pattern;
}

/** Looks rows up; the pattern of one is kept for those after it, which mostly share it. */
const rowFinder = (rows: Rows): ((index: number) => Row) => {
  let last: { readonly key: string; readonly pattern: Pattern } | null = null;
  return (index) => {
    const place: Place = new Map(rows.layer);
    const at = locate(rows.outerOrder, index, rows.targetRow, place);
    const key = rows.alongs.map((axis) => place.get(axis)).join();
    if (last?.key !== key) last = { key, pattern: patternAt(rows, place) };
    return { at, pattern: last.pattern };
  };
};

/** Rows from `row` on, before `end`, that one read of the source brings: near each other and ascending. */
const together = (
  find: (index: number) => Row,
  { sourceRow }: Rows,
  size: number,
  row: number,
  end: number,
): readonly Row[] => {
  const first = find(row);
  const found = [first];
  let reached = first.at + sourceRow;
  for (let index = row + 1; index < end; index++) {
    const next = find(index);
    const gap = next.at - reached;
    const span = next.at + sourceRow - first.at;
    if (gap < 0 || gap * size > GAP_BYTES || span * size > SPAN_BYTES) break;
    found.push(next);
    reached = next.at + sourceRow;
  }
  return found;
};

const gathered = (source: StoredTensor, rows: Rows, count: number): StoredTensor => {
  const { sourceRow, targetRow } = rows;
  const size = DTYPE_BYTES[source.dtype];
  const find = rowFinder(rows);
  let span: Uint8Array = new Uint8Array(0);
  let partial = new Uint8Array(0);
  const load = async (found: readonly Row[]): Promise<Elements> => {
    const low = found[0]?.at ?? 0;
    const bytes = ((found.at(-1)?.at ?? 0) + sourceRow - low) * size;
    if (span.length < bytes)
      span = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(SPAN_BYTES, source.count * size)));
    const part = span.subarray(0, bytes);
    await source.read(low, part);
    return elementsIn(part, size);
  };
  const read = async (start: number, into: Uint8Array): Promise<void> => {
    const target = elementsIn(into, size);
    const end = start + target.length;
    for (let row = Math.floor(start / targetRow); row * targetRow < end; ) {
      const found = together(find, rows, size, row, Math.ceil(end / targetRow));
      const elements = await load(found);
      const low = found[0]?.at ?? 0;
      for (const { at, pattern } of found) {
        const to = row * targetRow - start;
        if (to >= 0 && to + targetRow <= target.length)
          copyRow(elements, at - low, pattern, target, to);
        else {
          // A row of which only a part is asked for.
          if (partial.length === 0) partial = new Uint8Array(targetRow * size);
          const whole = elementsIn(partial, size);
          copyRow(elements, at - low, pattern, whole, 0);
          target.set(whole.subarray(Math.max(0, -to), target.length - to), Math.max(0, to));
        }
        row++;
      }
    }
  };
  return { dtype: source.dtype, count, read };
};

const weightKey = (weight: string, layer: number | null): string => JSON.stringify([weight, layer]);

const rowsOf = (
  modes: readonly Mode[],
  weight: string,
  layer: readonly [string, number] | null,
): Rows => {
  const order = ordered(modes, weight, layer?.[0] ?? null);
  const count = rowModes(modes);
  const [outer, inner] = [modes.slice(0, count), modes.slice(count)];
  const blockModes = inner.slice(inner.length - Math.min(inner.length, wholeModes(modes)));
  const looped = inner.slice(0, inner.length - blockModes.length);
  return {
    outer,
    inner,
    outerOrder: order.filter((mode) => outer.includes(mode)),
    innerOrder: order.filter((mode) => looped.includes(mode)),
    sourceRow: product(inner, "from"),
    targetRow: product(inner, "to"),
    block: product(blockModes, "to"),
    alongs: outer
      .map(({ axis }) => axis)
      .filter((axis) => inner.some(({ cut }) => cut?.along.some(({ name }) => name === axis))),
    layer: layer === null ? [] : [layer],
  };
};

/** One weight of the pruned model. */
const prunedTensor = (
  source: Weights,
  origin: WeightEntry,
  modes: readonly Mode[],
  rows: Rows,
): StoredTensor => {
  const tensor = source.tensor(origin);
  return modes.every(({ cut }) => cut === null)
    ? tensor
    : gathered(tensor, rows, product(modes, "to"));
};

/** The target with its layers' own entries in lists that have one for each. */
const withLists = (
  { layerLists: lists }: ModelLayout,
  target: ModelLayout,
  sourceLayer: (layer: number) => number,
): ModelLayout => {
  const layers = target.axes[target.layerAxis ?? ""] ?? 0;
  const kept = Object.entries(lists).map(([key, entries]): [string, readonly unknown[]] => [
    key,
    Array.from({ length: layers }, (_, layer) => entries[sourceLayer(layer)]),
  ]);
  const inConfig = kept.filter(([key]) => key in target.config);
  return {
    ...target,
    layerLists: Object.fromEntries(kept),
    config: { ...target.config, ...Object.fromEntries(inConfig) },
  };
};

/** Every number w as scale · w + shift, in f32. */
const rescaledBy = (tensor: StoredTensor, { scale, shift }: Rescale): StoredTensor => {
  const floats = converted(tensor, "f32");
  const read = async (start: number, into: Uint8Array): Promise<void> => {
    await floats.read(start, into);
    const values = new Float32Array(into.buffer, into.byteOffset, into.byteLength / 4);
    for (let i = 0; i < values.length; i++) values[i] = scale * (values[i] ?? 0) + shift;
  };
  return { ...floats, read };
};

type Rescale = PruneStage["rescaled"][string];

/**
 * The pruned model as a view of `source`, laid out as `target` says, some weights rescaled by name. Kept sets are in the source's numbers, so those of a
 * layer are looked up before layers are dropped. RunError where kept sets and layouts do not fit each other.
 */
export const prune = (
  source: Weights,
  kept: Kept,
  target: ModelLayout,
  rescaled: PruneStage["rescaled"] = {},
): Weights => {
  for (const axis of kept.values()) checkKept(axis, source.layout);
  const sourceLayer = layersOf(source.layout, kept);
  const origins = new Map(
    source.layout.weights.map((entry) => [weightKey(entry.weight, entry.layer), entry]),
  );
  const views = new Map<string, () => StoredTensor>();
  for (const entry of target.weights) {
    const layer = entry.layer === null ? null : sourceLayer(entry.layer);
    const origin = origins.get(weightKey(entry.weight, layer));
    if (origin === undefined)
      throw new RunError(
        `${source.layout.name} has no weight ${entry.weight} to make that of ${target.name}`,
      );
    const modes = modesOf(origin, entry, kept);
    const { layerAxis } = source.layout;
    const rows = rowsOf(
      modes,
      entry.weight,
      layer === null || layerAxis === null ? null : [layerAxis, layer],
    );
    views.set(weightKey(entry.weight, entry.layer), () =>
      prunedTensor(source, origin, modes, rows),
    );
  }
  const tensor = ({ weight, layer }: WeightEntry): StoredTensor => {
    const view = views.get(weightKey(weight, layer));
    if (view === undefined) throw new RunError(`${target.name} has no weight ${weight}`);
    const rescale = rescaled[weight];
    return rescale === undefined ? view() : rescaledBy(view(), rescale);
  };
  const layout = withLists(source.layout, target, sourceLayer);
  // The files are the source's to close.
  return { layout, tensor, close: async () => undefined };
};
