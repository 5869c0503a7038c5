/**
 * Law: a training step in phases is the step in one piece. The loss over the vocabulary slice by slice, what is not kept of
 * the forward pass computed again: the same loss and gradients, with no product or attention computed twice unless layers are.
 */
import fc from "fast-check";
import { expect } from "vitest";
import type { Axis, Dense, Graph, Node } from "../../compiler/ir/tensor.js";
import { sizeOf } from "../../compiler/ir/tensor.js";
import { nodesOf } from "../../compiler/ir/traverse.js";
import { verify } from "../../compiler/ir/verify.js";
import type { Phases } from "../../compiler/passes/phases.js";
import { at, distance, fill } from "../../laws/dense.js";
import { type ModelCase, modelCase } from "../support/arbitraries/model.js";
import { always, law } from "./law.js";
import type { Product } from "./mutant.js";
import { lossOf, trialOf } from "./subjects.js";

interface TrainingCase {
  readonly model: ModelCase;
  readonly loss: string;
}

interface Case {
  readonly training: TrainingCase;
  /** Windows and positions of a slice; positions count in slices of one window. */
  readonly windows: number;
  readonly positions: number;
  readonly recompute: "cheap" | "layers";
}

const cases: fc.Arbitrary<Case> = fc.record({
  training: fc.record({
    model: modelCase,
    loss: fc.constantFrom(
      "cross_entropy()",
      "kld()",
      "kld(top: 3)",
      "0.7 * kld(temperature: 2) + 0.3 * cross_entropy()",
    ),
  }),
  windows: fc.integer({ min: 1, max: 2 }),
  positions: fc.integer({ min: 1, max: 3 }),
  recompute: fc.constantFrom("cheap", "layers"),
});

const isDear = ({ op }: Node): boolean =>
  op === "contract" || op === "attention" || op === "reduce";

type Values = Map<string, Dense>;

interface Range {
  readonly axis: Axis;
  readonly start: number;
  readonly length: number;
}

const rangesOf = (axis: Axis, step: number): Range[] =>
  Array.from({ length: Math.ceil(axis.size / step) }, (_, i) => ({
    axis,
    start: i * step,
    length: Math.min(step, axis.size - i * step),
  }));

const narrowed = (dense: Dense, ranges: readonly Range[]): Dense => {
  const found = (name: string) => ranges.find(({ axis }) => axis.name === name);
  const axes = dense.axes.map((axis) => ({
    name: axis.name,
    size: found(axis.name)?.length ?? axis.size,
  }));
  return fill(axes, (place) => {
    const from = Object.entries(place).map(([name, index]) => [
      name,
      index + (found(name)?.start ?? 0),
    ]);
    return at(dense, Object.fromEntries(from));
  });
};

/** Puts a slice's results where they belong: into their places, or added up. */
const collect = (
  values: Values,
  name: string,
  part: Dense,
  ranges: readonly Range[],
  node: Node,
) => {
  const whole = values.get(name) ?? { axes: node.axes, data: new Float64Array(sizeOf(node.axes)) };
  const start = (axis: string): number | undefined => {
    const range = ranges.find((candidate) => candidate.axis.name === axis);
    return range !== undefined && node.axes.some((a) => a.name === axis) ? range.start : undefined;
  };
  const size = (axis: string): number => part.axes.find((a) => a.name === axis)?.size ?? 0;
  const sum = fill(node.axes, (place) => {
    const here = Object.entries(place).map(([axis, i]) => [axis, i - (start(axis) ?? 0)] as const);
    const inside = here.every(([axis, i]) => i >= 0 && i < size(axis));
    return at(whole, place) + (inside ? at(part, Object.fromEntries(here)) : 0);
  });
  values.set(name, sum);
};

const run = (product: Product, graph: Graph, inputs: Values): [string, Dense][] => {
  expect(verify(graph, "differentiated")).toEqual([]);
  return Object.entries(product.interpret(graph, inputs));
};

const inPhases = (
  product: Product,
  phases: Phases,
  inputs: ReadonlyMap<string, Dense>,
  slices: readonly (readonly Range[])[],
): Values => {
  const values: Values = new Map(inputs);
  for (const [name, dense] of run(product, phases.before, values)) values.set(name, dense);
  const outside = new Map(values);
  for (const ranges of phases.slice === null ? [] : slices) {
    const graph = phases.slice?.(ranges.map(({ axis, length }) => ({ ...axis, size: length })));
    if (graph === undefined) continue;
    const given = [...outside].map(([name, d]): [string, Dense] => [name, narrowed(d, ranges)]);
    for (const [name, part] of run(product, graph, new Map(given))) {
      const node = phases.handed.get(name);
      if (node !== undefined) collect(values, name, part, ranges, node);
    }
  }
  for (const [name, dense] of run(product, phases.after, values)) values.set(name, dense);
  return values;
};

const dearOps = (graphs: readonly Graph[]): number =>
  graphs.flatMap((graph) => nodesOf(graph).filter(isDear)).length;

/** The step as one graph, with the values that the student's layers hand on. */
const stepOf = async (product: Product, drawn: TrainingCase) => {
  const { builder, loss, edges, trained, inputs } = await product.trainingOf(
    lossOf(product, drawn.loss),
    trialOf(product, drawn.model),
  );
  const gradients = [...product.differentiate(builder, loss, trained).values()];
  const named = (prefix: string, nodes: readonly Node[]) =>
    nodes.map((node, i) => [`${prefix} ${i}`, node] as const);
  const all = Object.fromEntries([...named("d", gradients), ...named("edge", edges)]);
  const { outputs } = product.simplify(builder, { outputs: { loss, ...all } });
  const entries = Object.entries(outputs);
  const graph = { outputs: Object.fromEntries(entries.filter(([n]) => !n.startsWith("edge"))) };
  const boundaries = new Set(entries.flatMap(([n, node]) => (n.startsWith("edge") ? [node] : [])));
  const end = graph.outputs.loss;
  if (end === undefined) throw new Error("no loss");
  return { graph, end, boundaries, inputs };
};

law(
  "a step in phases is the step",
  always(
    cases,
    async (product, { training, windows, positions, recompute }) => {
      const { graph, end, boundaries, inputs } = await stepOf(product, training);
      const [window, position] = inputs.get("tokens")?.axes ?? [];
      if (window === undefined || position === undefined) throw new Error("no tokens");
      const isLarge = ({ axes }: Node): boolean =>
        ["window", "position", "vocab"].every((name) => axes.some((axis) => axis.name === name));
      const region = product.regionOf(graph, isLarge);
      if (region === null) throw new Error("no logits");
      for (const axis of [window, position]) expect(product.slicesAlong(region, axis)).toBe(true);
      const anchor = recompute === "cheap" ? isDear : (node: Node) => boundaries.has(node);
      const phases = product.phasesOf(graph, region, end, anchor);
      const slices =
        windows > 1
          ? rangesOf(window, windows).map((range) => [range])
          : rangesOf(window, 1).flatMap((w) => rangesOf(position, positions).map((p) => [w, p]));
      const found = inPhases(product, phases, inputs, slices);
      const expected = product.interpret(graph, inputs);
      for (const [name, dense] of Object.entries(expected))
        expect(distance(found.get(name) ?? dense, dense), name).toBeLessThan(1e-9);
      for (const part of [phases.before, phases.after])
        for (const node of nodesOf(part)) expect(isLarge(node)).toBe(false);
      if (recompute === "cheap" && phases.slice !== null) {
        const sliced = phases.slice([window, position]);
        expect(dearOps([phases.before, sliced, phases.after])).toBe(dearOps([graph]));
      }
    },
    100,
  ),
  [
    {
      file: "compiler/passes/kept.ts",
      find: "anchor(node) ? [index] : []",
      replace: "[]",
    },
    {
      file: "compiler/passes/region.ts",
      find: "if (operandsOf(node).some((operand) => large(operand))) seeds.add(node);",
      replace: "if (large(node)) seeds.add(node);",
    },
    {
      file: "compiler/passes/phases.ts",
      find: "return builder.input(node.name, small(node.axes), node.dtype);",
      replace: "return builder.input(node.name, node.axes, node.dtype);",
    },
  ],
);
