/**
 * A sweep's graphs cut into segments, each of which needs the weights of one layer, or of none: what runs over its windows
 * (sums, and the values that the next segment takes), and what is concluded from its sums and weights afterwards.
 * Inputs and outputs get names of their own, so that the segments of like layers are one and the same graph.
 */
import { hasAxis } from "../ir/axes.js";
import { Builder } from "../ir/build.js";
import { printGraph } from "../ir/print.js";
import type { Axis, Graph, Input, Node } from "../ir/tensor.js";
import { copyGraph, nodesOf, operandsOf } from "../ir/traverse.js";
import { type Carried, carriedInput, weightInput } from "../library/library.js";
import type { Accumulator } from "../passes/decompose.js";
import type { ModelLayout, WeightEntry } from "../plan.js";

/** Something of a sweep needs weights or windows of several segments at once. */
export class NotSegmentable extends Error {}

/** What a sweep computes, over one batch and over all; names of inputs as forward.ts gives them. */
export interface Whole {
  readonly layout: ModelLayout;
  /** One batch's share of every accumulator. */
  readonly accumulate: Graph;
  /** The results, from the accumulators and weights. */
  readonly finish: Graph;
  readonly accumulators: readonly Accumulator[];
  /** Values that each segment hands on, of one batch. */
  readonly carried: readonly Carried[];
}

/** A graph whose inputs are known by names of the segment's own, and which weights those are. */
export interface Part {
  readonly graph: Graph;
  readonly weights: ReadonlyMap<string, WeightEntry>;
  /** Inputs that hold a weight's row for each token. */
  readonly rows: ReadonlyMap<string, WeightEntry>;
  /** Names of carried values by input, and by output. */
  readonly takes: ReadonlyMap<string, string>;
  readonly gives: ReadonlyMap<string, string>;
  /** Equal texts: the same graph. */
  readonly text: string;
}

export interface SegmentGraphs {
  /** Over a batch of windows: outputs `sum.0` and on, and `given.…`; null where only weights count. */
  readonly batch: Part | null;
  /** From sums (inputs `sum.…`) and weights: outputs `result.0` and on; null where there is nothing of the kind. */
  readonly conclude: Part | null;
  /** Accumulators behind `sum.0` and on, then inputs of the finish behind `result.0` and on. */
  readonly sums: readonly Accumulator[];
  readonly results: readonly Accumulator[];
}

export interface Segments {
  readonly segments: readonly SegmentGraphs[];
  /** The results from the accumulators and conclusions of all segments, without any weight. */
  readonly finish: Graph;
}

/** Where an input belongs: to a segment, or to none in particular. */
type Home =
  | { readonly kind: "carried"; readonly segment: number; readonly name: string }
  | { readonly kind: "weight"; readonly entry: WeightEntry }
  | { readonly kind: "sum"; readonly segment: number }
  | { readonly kind: "data" };

const homesOf = ({ layout, carried }: Whole): Map<string, Home> => {
  const homes = new Map<string, Home>();
  for (const entry of layout.weights)
    homes.set(weightInput(layout.name, entry.weight, entry.layer), { kind: "weight", entry });
  carried.forEach((values, at) => {
    for (const name of values.keys())
      homes.set(carriedInput(layout.name, name, at + 1), {
        kind: "carried",
        segment: at + 1,
        name,
      });
  });
  return homes;
};

const inputsOf = (graph: Graph): Input[] =>
  nodesOf(graph).filter((node): node is Input => node.op === "input");

/** A weight from which whole rows are taken by token: only those rows are needed, not the table. */
const rowsOf = (node: Node, homes: ReadonlyMap<string, Home>): WeightEntry | null => {
  if (node.op !== "gather" || node.table.op !== "input") return null;
  const home = homes.get(node.table.name);
  const { axes } = node.table;
  const alignedWith = node.indices.axes.some(({ name }) => hasAxis(axes, name));
  return home?.kind === "weight" && axes[0]?.name === node.axis && !alignedWith ? home.entry : null;
};

/** Outputs that are nodes of their own: each is written by a kernel to a place of its own. */
const distinct = (builder: Builder, graph: Graph): Graph => {
  const seen = new Set<Node>();
  const one = builder.constant(1);
  const outputs = Object.entries(graph.outputs).map(([name, node]) => {
    let own = node.op === "input" ? builder.map("mul", node, one) : node;
    while (seen.has(own)) own = builder.map("mul", own, one);
    seen.add(own);
    return [name, own] as const;
  });
  return { outputs: Object.fromEntries(outputs) };
};

/** A part with inputs under names of its own: `weight.0` and on in order of layout, `rows.…`, `taken.…`; others as given. */
const partOf = (
  outputs: Graph["outputs"],
  gives: ReadonlyMap<string, string>,
  homes: ReadonlyMap<string, Home>,
  rename: ReadonlyMap<string, string>,
): Part => {
  const weights = new Map<string, WeightEntry>();
  const rows = new Map<string, WeightEntry>();
  const takes = new Map<string, string>();
  const builder = new Builder();
  const entryName = (
    into: Map<string, WeightEntry>,
    prefix: string,
    entry: WeightEntry,
  ): string => {
    const known = [...into].find(([, other]) => other === entry)?.[0];
    const name = known ?? `${prefix}.${into.size}`;
    into.set(name, entry);
    return name;
  };
  const input = (node: Input): Node => {
    const home = homes.get(node.name);
    const named = (name: string): Node => builder.input(name, node.axes, node.dtype);
    switch (home?.kind) {
      case "weight":
        return named(entryName(weights, "weight", home.entry));
      case "carried":
        takes.set(`taken.${home.name}`, home.name);
        return named(`taken.${home.name}`);
      case "sum":
      case "data":
      case undefined:
        return named(rename.get(node.name) ?? node.name);
      default:
        return home satisfies never;
    }
  };
  const copied = copyGraph(builder, { outputs }, (node) => {
    const entry = rowsOf(node, homes);
    if (entry !== null) return builder.input(entryName(rows, "rows", entry), node.axes);
    return node.op === "input" ? input(node) : null;
  });
  const graph = distinct(builder, copied);
  return { graph, weights, rows, takes, gives, text: printGraph(graph) };
};

/** The one segment whose carried values a sum over windows takes; without any, the first. */
const segmentOfSum = (node: Node, homes: ReadonlyMap<string, Home>): number => {
  const found = new Set<number>();
  for (const { name } of inputsOf({ outputs: { node } })) {
    const home = homes.get(name);
    if (home?.kind === "carried") found.add(home.segment);
  }
  if (found.size > 1) throw new NotSegmentable("a sum takes values of several layers at once");
  return [...found][0] ?? 0;
};

/** Conclusions by where they are drawn: a segment's number, or the name of a weight outside the layers. */
type Place = number | string;

/** Places of what a node of the finish depends on, and whether weights are among it. */
const dependence = (homes: ReadonlyMap<string, Home>) => {
  const known = new Map<Node, { readonly places: ReadonlySet<Place>; readonly weighs: boolean }>();
  const of = (node: Node): { readonly places: ReadonlySet<Place>; readonly weighs: boolean } => {
    const before = known.get(node);
    if (before !== undefined) return before;
    const places = new Set<Place>();
    let weighs = false;
    const home = node.op === "input" ? homes.get(node.name) : undefined;
    if (home?.kind === "weight") {
      places.add(home.entry.layer === null ? home.entry.weight : home.entry.layer + 1);
      weighs = true;
    }
    if (home?.kind === "sum") places.add(home.segment);
    for (const operand of operandsOf(node)) {
      const inner = of(operand);
      for (const place of inner.places) places.add(place);
      weighs ||= inner.weighs;
    }
    const found = { places, weighs };
    known.set(node, found);
    return found;
  };
  return of;
};

/** The outermost nodes of the finish that need weights, of one place each. */
const conclusions = (finish: Graph, homes: ReadonlyMap<string, Home>): ReadonlyMap<Node, Place> => {
  const of = dependence(homes);
  const found = new Map<Node, Place>();
  const pending = Object.values(finish.outputs);
  const seen = new Set<Node>();
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    const { places, weighs } = of(node);
    if (!weighs) continue;
    const segments = [...places].filter((place) => typeof place === "number");
    const [place] = segments.length > 0 ? segments : places;
    if (segments.length > 1 || (segments.length === 0 && places.size > 1)) {
      pending.push(...operandsOf(node));
      continue;
    }
    if (node.op === "input")
      throw new NotSegmentable(`${node.name} is needed together with weights of other layers`);
    if (place !== undefined) found.set(node, place);
  }
  return found;
};

const accumulatorOf = (
  name: string,
  { axes }: { readonly axes: readonly Axis[] },
): Accumulator => ({
  name,
  axes,
});

/** Cuts a sweep into its segments, those that nothing depends on left out. Throws NotSegmentable. */
export const segmentsOf = (whole: Whole): Segments => {
  const homes = homesOf(whole);
  const sumsAt = new Map<Place, Accumulator[]>();
  for (const accumulator of whole.accumulators) {
    const node = whole.accumulate.outputs[accumulator.name];
    const segment = node === undefined ? 0 : segmentOfSum(node, homes);
    sumsAt.set(segment, [...(sumsAt.get(segment) ?? []), accumulator]);
    homes.set(accumulator.name, { kind: "sum", segment });
  }
  const concluded = [...conclusions(whole.finish, homes)].sort(([a], [b]) => a.id - b.id);
  const resultName = new Map(concluded.map(([node], at) => [node, `concluded${at}`]));
  const lastSum = Math.max(-1, ...[...sumsAt.keys()].map(Number));
  const numbered = concluded.flatMap(([, place]) => (typeof place === "number" ? [place] : []));
  const last = Math.max(lastSum, ...numbered);
  const others = new Set(concluded.flatMap(([, p]) => (typeof p === "string" ? [p] : [])));
  const places: Place[] = [...Array.from({ length: last + 1 }, (_, i) => i), ...others];
  const segments = places.map((place): SegmentGraphs => {
    const sums = sumsAt.get(place) ?? [];
    const rename = new Map(sums.map(({ name }, at) => [name, `sum.${at}`]));
    const carried =
      typeof place === "number" && place <= lastSum ? whole.carried[place] : undefined;
    const handed = [...(carried ?? [])].map(([name, node]) => [`given.${name}`, node] as const);
    const summed = sums.flatMap(({ name }, at) => {
      const node = whole.accumulate.outputs[name];
      return node === undefined ? [] : [[`sum.${at}`, node] as const];
    });
    const gives = new Map(handed.map(([output]) => [output, output.slice("given.".length)]));
    const drawn = concluded.filter(([, at]) => at === place).map(([node]) => node);
    const runs = summed.length + handed.length > 0;
    return {
      batch: runs ? partOf(Object.fromEntries([...summed, ...handed]), gives, homes, rename) : null,
      conclude:
        drawn.length === 0
          ? null
          : partOf(
              Object.fromEntries(drawn.map((node, at) => [`result.${at}`, node])),
              new Map(),
              homes,
              rename,
            ),
      sums,
      results: drawn.map((node) => accumulatorOf(resultName.get(node) ?? "", node)),
    };
  });
  const builder = new Builder();
  const finish = copyGraph(builder, whole.finish, (node) => {
    const name = resultName.get(node);
    return name === undefined ? null : builder.input(name, node.axes);
  });
  return { segments, finish };
};
