/**
 * A sweep over a data set: one graph over all windows, split into a program per batch size that adds to accumulators
 * and a program that finishes. Memory stays that of one batch whatever the number of windows; that of the weights may be
 * bounded too (stream.ts).
 */
import type { Arithmetic } from "../../kernels/operand.js";
import type { Builder } from "../ir/build.js";
import type { Axis, Graph, Input } from "../ir/tensor.js";
import type { Carried } from "../library/library.js";
import { decompose, resizeAxis } from "../passes/decompose.js";
import { simplify } from "../passes/simplify.js";
import type { DataSource, ModelLayout, Sweep } from "../plan.js";
import { tensorBytes } from "../schedule/target.js";
import { DoesNotFit, inLargestBatch } from "./fit.js";
import { addPhased, type Phasing } from "./phased.js";
import { feedPlaces, LABELS, placement, TOKENS, weightPlaces } from "./placement.js";
import { addGraph, addPrograms, createPrograms, heldBytes, type Programs } from "./programs.js";
import { NotSegmentable, type Whole } from "./segments.js";
import { streamSweep } from "./stream.js";

/** Tokens per batch that keep an adapter busy without much memory. */
const BATCH_TOKENS = 2048;

/** The axes of a batch of windows. */
export const windowAxes = (
  windows: number,
  data: Pick<DataSource, "window">,
): readonly [Axis, Axis] => [
  { name: "window", size: windows },
  { name: "position", size: data.window },
];

export interface Feeds {
  readonly tokens: Input;
  readonly labels: Input;
}

export const feedInputs = (builder: Builder, axes: readonly Axis[]): Feeds => ({
  tokens: builder.input(TOKENS, axes, "u32"),
  labels: builder.input(LABELS, axes, "u32"),
});

/** Windows per batch for at most BATCH_TOKENS tokens, at least one, at most all. */
export const batchWindows = (total: number, data: Pick<DataSource, "window">): number =>
  Math.max(1, Math.min(total, Math.floor(BATCH_TOKENS / data.window)));

export interface SweepParts {
  readonly name: string;
  readonly data: DataSource;
  readonly total: number;
  readonly layout: ModelLayout;
  readonly order: Sweep["order"];
  /** Of products with the model's weights. */
  readonly arithmetic: Arithmetic;
  /** Names of axes as wide as the vocabulary. */
  readonly wide: ReadonlySet<string>;
}

/** What a sweep computes over all windows, with the pass in one piece or cut at its layers. */
export interface SweepGraph {
  readonly builder: Builder;
  readonly graph: Graph;
  /** What each segment hands on, of all windows. */
  readonly carried: readonly Carried[];
  /** What each but the first hands back, where gradients go through the cuts. */
  readonly returned: readonly Carried[];
}

/** A criterion or metric that cannot be split into batches; `reason` names the operation. */
export class NotDecomposable extends Error {}

const splitInto = (graph: Graph, builder: Builder, total: number, batch: number) => {
  const split = decompose(graph, "window", total, batch, builder);
  if ("failure" in split) throw new NotDecomposable(split.failure);
  return split;
};

/** A batch's phases: nothing comes back. */
const phasingOf = ({ data, wide }: SweepParts, windows: number): Phasing => ({
  tokens: windowAxes(windows, data),
  wide,
  backward: null,
});

/** The sweep in one piece, in batches of `batch` windows, all weights on the device. */
const wholeSweep = (
  into: Programs,
  parts: SweepParts,
  { builder, graph }: SweepGraph,
  batch: number,
): Sweep => {
  const { name, total, layout, arithmetic } = parts;
  const sizes = [batch, total % batch].filter((size) => size > 0);
  const state = (accumulator: string): string => `${name}.${accumulator}`;
  const simple = simplify(builder, graph);
  const split = splitInto(simple, builder, total, batch);
  const accumulators = split.accumulators.map((a) => ({
    ...a,
    place: {
      kind: "state",
      state: state(a.name),
      stateBytes: tensorBytes(a.axes),
      offset: 0,
    } as const,
  }));
  const batches = sizes.map((windows) => {
    const program = `${name}.batch${windows}`;
    const { accumulate } = splitInto(simple, builder, total, windows);
    const places = placement(
      [...weightPlaces(layout, arithmetic), ...feedPlaces],
      accumulators.map((a) => [a.name, { ...a.place, accumulate: true }]),
    );
    addPhased(into, program, accumulate, places, phasingOf(parts, windows));
    return { windows, program };
  });
  const finish = addGraph(
    into,
    `${name}.finish`,
    split.finish,
    placement(
      [...weightPlaces(layout, arithmetic), ...accumulators.map((a) => [a.name, a.place] as const)],
      Object.keys(graph.outputs).map((output) => [output, { kind: "output" }]),
    ),
  );
  return {
    data: parts.data.name,
    windows: total,
    order: parts.order,
    accumulators: accumulators.map((a) => state(a.name)),
    batches,
    finish,
    streaming: null,
  };
};

/** The sweep's graphs for batches of some size, with what each segment hands on. */
export const cutSweep =
  (
    { layout, total }: Pick<SweepParts, "layout" | "total">,
    { builder, graph, carried, returned }: SweepGraph,
  ) =>
  (windows: number): Whole => {
    const split = splitInto(simplify(builder, graph), builder, total, windows);
    const handed = (values: Carried): Carried => {
      const all = simplify(builder, { outputs: Object.fromEntries(values) });
      return new Map(Object.entries(resizeAxis(all, "window", windows, builder).outputs));
    };
    return { layout, carried: carried.map(handed), returned: returned.map(handed), ...split };
  };

/** A whole sweep in programs of its own, with what it takes of the device's memory. */
const wholeAlone = (
  { target }: Programs,
  parts: SweepParts,
  graph: SweepGraph,
  batch: number,
): { readonly sweep: Sweep; readonly own: Programs; readonly held: number } => {
  const own = createPrograms(target);
  const sweep = wholeSweep(own, parts, graph, batch);
  return { sweep, own, held: heldBytes(own, own.programs.keys()) };
};

/** For what cannot go layer by layer, for a reason: the largest batches that fit. Throws DoesNotFit. */
const inSmallerBatches = (
  into: Programs,
  parts: SweepParts,
  graph: SweepGraph,
  memory: number,
  reason: string,
): Sweep => {
  const { name, total, data, layout } = parts;
  const most = layout.bytes > memory ? 1 : batchWindows(total, data);
  const { sweep, own, held } = inLargestBatch(most, memory, (batch) =>
    wholeAlone(into, parts, graph, batch),
  );
  if (held > memory) throw new DoesNotFit(name, held, memory, reason);
  addPrograms(into, own);
  return sweep;
};

/**
 * Lowers what `graphOf` gives (its window axis has size `total`) into the programs of a sweep: in one piece where that
 * fits the memory that the target allows, else layer by layer, or window by window where that cannot be. Throws DoesNotFit.
 */
export const planSweep = (
  into: Programs,
  parts: SweepParts,
  graphOf: (cut: boolean) => SweepGraph,
): Sweep => {
  const { memory } = into.target;
  const { name, data, total, order, layout, arithmetic } = parts;
  const batch = batchWindows(total, data);
  if (memory === null) return wholeSweep(into, parts, graphOf(false), batch);
  if (layout.bytes <= memory) {
    const { sweep, own, held } = wholeAlone(into, parts, graphOf(false), batch);
    if (held <= memory) {
      addPrograms(into, own);
      return sweep;
    }
  }
  try {
    const wholeOf = cutSweep(parts, graphOf(true));
    const stream = {
      name,
      data: data.name,
      total,
      order,
      layout,
      arithmetic,
      wholeOf,
      phasingOf: (windows: number) => phasingOf(parts, windows),
    };
    return streamSweep(into, stream, batch);
  } catch (error) {
    if (!(error instanceof NotSegmentable)) throw error;
    return inSmallerBatches(into, parts, graphOf(false), memory, error.message);
  }
};
