/** A graph over all windows, worked out batch by batch as a sweep does, in float64. */
import type { Builder } from "../compiler/ir/build.js";
import { interpret } from "../compiler/ir/interpret.js";
import type { Dense, Graph } from "../compiler/ir/tensor.js";
import { sizeOf } from "../compiler/ir/tensor.js";
import { nodesOf } from "../compiler/ir/traverse.js";
import { verify } from "../compiler/ir/verify.js";
import { type Decomposition, decompose } from "../compiler/passes/decompose.js";
import { at, fill } from "./dense.js";

type Inputs = ReadonlyMap<string, Dense>;

/** Windows `from` … `from + count` of every input that has windows. */
export const slice = (inputs: Inputs, from: number, count: number): Inputs =>
  new Map(
    [...inputs].map(([name, dense]) => {
      if (!dense.axes.some((a) => a.name === "window")) return [name, dense];
      const axes = dense.axes.map((a) => (a.name === "window" ? { ...a, size: count } : a));
      return [name, fill(axes, (p) => at(dense, { ...p, window: (p.window ?? 0) + from }))];
    }),
  );

export const split = (
  graph: Graph,
  total: number,
  batch: number,
  builder?: Builder,
): Decomposition => {
  const parts = decompose(graph, "window", total, batch, builder);
  if ("failure" in parts) throw new Error(parts.failure);
  return parts;
};

const legal = (graph: Graph): void => {
  const [wrong] = verify(graph, "differentiated");
  if (wrong !== undefined) throw new Error(wrong.message);
};

/** Runs the batches, the last one smaller where they do not come out even. */
export const inBatches = (
  graph: Graph,
  inputs: Inputs,
  total: number,
  batch: number,
): Readonly<Record<string, Dense>> => {
  const whole = split(graph, total, batch);
  const sums = new Map<string, Dense>(
    whole.accumulators.map(({ name, axes }) => [
      name,
      { axes, data: new Float64Array(sizeOf(axes)) },
    ]),
  );
  for (let from = 0; from < total; from += batch) {
    const count = Math.min(batch, total - from);
    const { accumulate } = split(graph, total, count);
    legal(accumulate);
    const parts = interpret(accumulate, slice(inputs, from, count));
    for (const [name, sum] of sums)
      sum.data.forEach((value, i) => {
        sum.data[i] = value + (parts[name]?.data[i] ?? Number.NaN);
      });
  }
  legal(whole.finish);
  if (nodesOf(whole.finish).some(({ axes }) => axes.some(({ name }) => name === "window")))
    throw new Error("what is left when all batches are added up still has windows");
  return interpret(whole.finish, new Map([...inputs, ...sums]));
};
