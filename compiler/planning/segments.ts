/**
 * A sweep's graphs cut into segments, each of which needs the weights of one layer, or of none: what runs over its windows
 * (sums, and the values that the next segment takes), and what is concluded from its sums and weights afterwards.
 * Where gradients go back through the layers, each comes a second time, in reverse order: it takes again what it took before,
 * and the gradients that the layer behind it hands back. Inputs and outputs get names of their own, so that the segments of
 * like layers are one and the same graph.
 */
import { hasAxis } from "../ir/axes.js";
import { Builder } from "../ir/build.js";
import { printGraph } from "../ir/print.js";
import type { Graph, Input, Node } from "../ir/tensor.js";
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
  /** Gradients that each but the first hands back; empty where none are asked for. */
  readonly returned: readonly Carried[];
}

/** A value between two segments, of which the first is at cut 0. */
export interface Between {
  readonly cut: number;
  readonly name: string;
}

/** A graph whose inputs are known by names of the segment's own, and which weights those are. */
export interface Part {
  readonly graph: Graph;
  readonly weights: ReadonlyMap<string, WeightEntry>;
  /** Inputs that hold a weight's row for each token. */
  readonly rows: ReadonlyMap<string, WeightEntry>;
  /** Values between segments by input, and by output. */
  readonly takes: ReadonlyMap<string, Between>;
  readonly gives: ReadonlyMap<string, Between>;
  /** Inputs that are sums of other segments, named as the accumulators. */
  readonly sums: ReadonlySet<string>;
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
  /** Names of those among the sums that are needed when the segment is over. */
  readonly lasting: ReadonlySet<string>;
}

export interface Segments {
  readonly segments: readonly SegmentGraphs[];
  /** The results from the accumulators and conclusions of all segments, without any weight. */
  readonly finish: Graph;
}

/** Where an input belongs: to a segment, or to none in particular. */
type Home =
  | { readonly kind: "carried" | "returned"; readonly between: Between }
  | { readonly kind: "weight"; readonly entry: WeightEntry }
  | { readonly kind: "sum"; readonly turn: number };

const homesOf = ({ layout, carried, returned }: Whole): Map<string, Home> => {
  const homes = new Map<string, Home>();
  for (const entry of layout.weights)
    homes.set(weightInput(layout.name, entry.weight, entry.layer), { kind: "weight", entry });
  const between = (kind: "carried" | "returned", all: readonly Carried[]): void => {
    for (const [cut, values] of all.entries())
      for (const name of values.keys())
        homes.set(carriedInput(layout.name, name, cut + 1), { kind, between: { cut, name } });
  };
  between("carried", carried);
  between("returned", returned);
  return homes;
};

/** Turns are counted on from the last segment on the way back: segment s is at turn s, and again at turn 2 last - s. */
const segmentAt = (turn: number, last: number): number => (turn > last ? 2 * last - turn : turn);

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
  gives: ReadonlyMap<string, Between>,
  homes: ReadonlyMap<string, Home>,
  rename: ReadonlyMap<string, string>,
): Part => {
  const weights = new Map<string, WeightEntry>();
  const rows = new Map<string, WeightEntry>();
  const takes = new Map<string, Between>();
  const sums = new Set<string>();
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
      case "returned":
        takes.set(`taken.${home.between.name}`, home.between);
        return named(`taken.${home.between.name}`);
      case "sum": {
        const own = rename.get(node.name);
        if (own === undefined) sums.add(node.name);
        return named(own ?? node.name);
      }
      case undefined:
        return named(node.name);
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
  return { graph, weights, rows, takes, gives, sums, text: printGraph(graph) };
};

/** The one turn at which all is there that a sum over windows takes; without any of it, the first. */
const turnOfSum = (node: Node, homes: ReadonlyMap<string, Home>, last: number): number => {
  const turns = new Set<number>();
  for (const { name } of inputsOf({ outputs: { node } })) {
    const home = homes.get(name);
    if (home?.kind === "carried") turns.add(home.between.cut + 1);
    // What is handed back at a cut, the segment before it takes.
    if (home?.kind === "returned") turns.add(2 * last - home.between.cut);
    if (home?.kind === "weight" && home.entry.layer !== null) turns.add(home.entry.layer + 1);
  }
  const segments = new Set([...turns].map((turn) => segmentAt(turn, last)));
  if (segments.size > 1) throw new NotSegmentable("a sum takes values of several layers at once");
  return Math.max(0, ...turns);
};

/** Conclusions by where they are drawn: at a turn, or, by name, with a weight outside the layers after all turns. */
type Place = number | string;

interface Dependence {
  /** Turns of sums, segments of weights, and weights outside the layers. */
  readonly sums: ReadonlySet<number>;
  readonly layers: ReadonlySet<number>;
  readonly outside: ReadonlySet<string>;
}

const dependenceOfInput = ({ name }: Input, homes: ReadonlyMap<string, Home>): Dependence => {
  const home = homes.get(name);
  const weight = home?.kind === "weight" ? home.entry : null;
  return {
    sums: new Set(home?.kind === "sum" ? [home.turn] : []),
    layers: new Set(weight !== null && weight.layer !== null ? [weight.layer + 1] : []),
    outside: new Set(weight !== null && weight.layer === null ? [weight.weight] : []),
  };
};

/** What nodes of the finish depend on. */
const dependence = (homes: ReadonlyMap<string, Home>) => {
  const known = new Map<Node, Dependence>();
  const of = (node: Node): Dependence => {
    const before = known.get(node);
    if (before !== undefined) return before;
    const inner = operandsOf(node).map(of);
    const found =
      node.op === "input"
        ? dependenceOfInput(node, homes)
        : {
            sums: new Set(inner.flatMap(({ sums }) => [...sums])),
            layers: new Set(inner.flatMap(({ layers }) => [...layers])),
            outside: new Set(inner.flatMap(({ outside }) => [...outside])),
          };
    known.set(node, found);
    return found;
  };
  return of;
};

/** Null where no one place has all that it depends on. */
const placeOf = ({ sums, layers, outside }: Dependence, last: number): Place | null => {
  const turns = [...sums, ...layers];
  const segments = new Set(turns.map((turn) => segmentAt(turn, last)));
  if (segments.size === 1) return Math.max(...turns);
  const [weight] = outside;
  return layers.size === 0 && outside.size === 1 ? (weight ?? null) : null;
};

/** The outermost nodes of the finish that need weights, of one place each. */
const conclusions = (
  finish: Graph,
  homes: ReadonlyMap<string, Home>,
  last: number,
): ReadonlyMap<Node, Place> => {
  const of = dependence(homes);
  const found = new Map<Node, Place>();
  const pending = Object.values(finish.outputs);
  const seen = new Set<Node>();
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    const needs = of(node);
    if (needs.layers.size + needs.outside.size === 0) continue;
    const place = placeOf(needs, last);
    if (place === null) {
      pending.push(...operandsOf(node));
      continue;
    }
    if (node.op === "input")
      throw new NotSegmentable(`${node.name} is needed together with weights of other layers`);
    found.set(node, place);
  }
  return found;
};

/** What is handed over at the end of a turn. */
const handedAt = ({ carried, returned }: Whole, turn: number): [Between, Node][] => {
  const last = carried.length;
  const cut = turn < last ? turn : 2 * last - turn - 1;
  const values = (turn < last ? carried : returned)[cut] ?? new Map<string, Node>();
  return [...values].map(([name, node]) => [{ cut, name }, node]);
};

/** Sums by the turn at which they are added up, which `homes` then knows. */
const sumsByTurn = (
  { carried, accumulators, accumulate }: Whole,
  homes: Map<string, Home>,
): ReadonlyMap<Place, readonly Accumulator[]> => {
  const found = new Map<Place, Accumulator[]>();
  for (const accumulator of accumulators) {
    const node = accumulate.outputs[accumulator.name];
    const turn = node === undefined ? 0 : turnOfSum(node, homes, carried.length);
    found.set(turn, [...(found.get(turn) ?? []), accumulator]);
    homes.set(accumulator.name, { kind: "sum", turn });
  }
  return found;
};

/** Conclusions by where they are drawn, each as the finish takes it. */
const resultsByPlace = (
  { carried, finish }: Whole,
  homes: ReadonlyMap<string, Home>,
): ReadonlyMap<Place, ReadonlyMap<Node, Accumulator>> => {
  const found = new Map<Place, Map<Node, Accumulator>>();
  const concluded = [...conclusions(finish, homes, carried.length)];
  for (const [at, [node, place]] of concluded.sort(([a], [b]) => a.id - b.id).entries()) {
    const results = found.get(place) ?? new Map<Node, Accumulator>();
    results.set(node, { name: `concluded${at}`, axes: node.axes });
    found.set(place, results);
  }
  return found;
};

const turnsIn = (places: Iterable<Place>): number[] =>
  [...places].filter((place): place is number => typeof place === "number");

/** What a place computes; `handed` is for the next turn. */
const graphsAt = (
  { accumulate }: Whole,
  homes: ReadonlyMap<string, Home>,
  sums: readonly Accumulator[],
  drawn: ReadonlyMap<Node, Accumulator>,
  handed: readonly (readonly [Between, Node])[],
): Omit<SegmentGraphs, "lasting"> => {
  const rename = new Map(sums.map(({ name }, at) => [name, `sum.${at}`]));
  const summed = sums.flatMap(({ name }, at) => {
    const node = accumulate.outputs[name];
    return node === undefined ? [] : [[`sum.${at}`, node] as const];
  });
  const given = handed.map(([{ name }, node]) => [`given.${name}`, node] as const);
  const gives = new Map(handed.map(([between]) => [`given.${between.name}`, between]));
  const outputs = Object.fromEntries([...summed, ...given]);
  const results = Object.fromEntries([...drawn.keys()].map((node, at) => [`result.${at}`, node]));
  return {
    batch: summed.length + given.length > 0 ? partOf(outputs, gives, homes, rename) : null,
    conclude: drawn.size === 0 ? null : partOf(results, new Map(), homes, rename),
    sums,
    results: [...drawn.values()],
  };
};

/** Cuts a sweep into its segments, those that nothing depends on left out. Throws NotSegmentable. */
export const segmentsOf = (whole: Whole): Segments => {
  const homes = homesOf(whole);
  const sums = sumsByTurn(whole, homes);
  const results = resultsByPlace(whole, homes);
  const lastSum = Math.max(-1, ...turnsIn(sums.keys()));
  const last = Math.max(lastSum, ...turnsIn(results.keys()));
  const outside = [...results.keys()].filter((place) => typeof place === "string");
  const places: Place[] = [...Array.from({ length: last + 1 }, (_, turn) => turn), ...outside];
  const parts = places.map((place) => {
    const handed = typeof place === "number" && place < lastSum ? handedAt(whole, place) : [];
    const drawn = results.get(place) ?? new Map<Node, Accumulator>();
    return graphsAt(whole, homes, sums.get(place) ?? [], drawn, handed);
  });
  const taken = new Map([...results.values()].flatMap((drawn) => [...drawn]));
  const builder = new Builder();
  const finish = copyGraph(builder, whole.finish, (node) => {
    const result = taken.get(node);
    return result === undefined ? null : builder.input(result.name, result.axes);
  });
  const needed = new Set([
    ...inputsOf(finish).map(({ name }) => name),
    ...parts.flatMap(({ conclude }) => [...(conclude?.sums ?? [])]),
  ]);
  const segments = parts.map((part): SegmentGraphs => {
    const names = part.sums.map(({ name }) => name).filter((name) => needed.has(name));
    return { ...part, lasting: new Set(names) };
  });
  return { segments, finish };
};
