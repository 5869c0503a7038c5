/**
 * A sweep over a data set: one graph over all windows, split into a program per batch size that adds to accumulators
 * and a program that finishes. Memory stays that of one batch whatever the number of windows.
 */
import type { Builder } from "../ir/build.js";
import type { Axis, Graph, Input } from "../ir/tensor.js";
import type { ModelShape } from "../library/library.js";
import { decompose } from "../passes/decompose.js";
import { simplify } from "../passes/simplify.js";
import type { DataSource, ModelLayout, Sweep } from "../plan.js";
import { tensorBytes } from "../schedule/target.js";
import { feedPlaces, LABELS, placement, TOKENS, weightPlaces } from "./placement.js";
import { addGraph, type Programs } from "./programs.js";

/** Tokens per batch that keep an adapter busy without much memory. */
const BATCH_TOKENS = 2048;

/** The axes of a batch of windows. */
export const windowAxes = (windows: number, data: DataSource): readonly [Axis, Axis] => [
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
export const batchWindows = (total: number, data: DataSource): number =>
  Math.max(1, Math.min(total, Math.floor(BATCH_TOKENS / data.window)));

export interface SweepParts {
  readonly name: string;
  readonly data: DataSource;
  readonly total: number;
  readonly shape: ModelShape;
  readonly layout: ModelLayout;
  readonly order: Sweep["order"];
}

/** A criterion or metric that cannot be split into batches; `reason` names the operation. */
export class NotDecomposable extends Error {}

const splitInto = (graph: Graph, builder: Builder, total: number, batch: number) => {
  const split = decompose(graph, "window", total, batch, builder);
  if ("failure" in split) throw new NotDecomposable(split.failure);
  return split;
};

/** Lowers `graph` (its window axis has size `total`) into the programs of a sweep. */
export const planSweep = (
  into: Programs,
  parts: SweepParts,
  graph: Graph,
  builder: Builder,
): Sweep => {
  const { name, total, layout } = parts;
  const batch = batchWindows(total, parts.data);
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
  const batches = sizes.map((windows) => ({
    windows,
    program: addGraph(
      into,
      `${name}.batch${windows}`,
      splitInto(simple, builder, total, windows).accumulate,
      placement(
        [...weightPlaces(layout), ...feedPlaces],
        accumulators.map((a) => [a.name, { ...a.place, accumulate: true }]),
      ),
    ),
  }));
  const finish = addGraph(
    into,
    `${name}.finish`,
    split.finish,
    placement(
      [...weightPlaces(layout), ...accumulators.map((a) => [a.name, a.place] as const)],
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
  };
};
