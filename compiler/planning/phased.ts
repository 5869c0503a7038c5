/**
 * A graph as one program in phases: what comes before the tensors as wide as the vocabulary, those slice by slice, and the
 * rest, which computes again what is not kept.
 */
import type { Graph, Input, Node } from "../ir/tensor.js";
import { nodesOf } from "../ir/traverse.js";
import { type Phases, phasesOf } from "../passes/phases.js";
import { regionOf } from "../passes/region.js";
import type { Placed } from "../schedule/lower.js";
import {
  type InputPlace,
  type OutputPlace,
  type Placement,
  tensorBytes,
  type Within,
} from "../schedule/target.js";
import { addParts, type Programs } from "./programs.js";
import { goesAlong, type Slice, slicesOf, type TokenAxes } from "./slices.js";

export interface Phasing {
  readonly tokens: TokenAxes;
  /** Names of axes as wide as the vocabulary. */
  readonly wide: ReadonlySet<string>;
  /** Where the forward pass ends, and which of its nodes are not computed twice; null where nothing comes back. */
  readonly backward: { readonly end: Node; readonly anchor: (node: Node) => boolean } | null;
}

const always = (): boolean => true;

interface Laid {
  readonly phases: Phases;
  readonly placement: Placement;
  readonly tokens: TokenAxes;
  /** What comes from outside, as it is whole. */
  readonly fed: readonly Input[];
  /** Sums of slices that go straight to an output, which nothing else reads. */
  readonly direct: ReadonlyMap<string, string>;
}

const isLarge =
  ({ tokens, wide }: Phasing) =>
  (node: Node): boolean =>
    tokens.every(({ name }) => node.axes.some((axis) => axis.name === name)) &&
    node.axes.some(({ name }) => wide.has(name));

/** What of a value a slice touches. */
const withinOf = (node: Node, tokens: TokenAxes, slice: Slice | null): Within => {
  const bytes = tensorBytes(node.axes);
  const count = tokens[0].size * tokens[1].size;
  const sliced = slice !== null && goesAlong(node.axes, tokens);
  return { bytes, offset: sliced ? (bytes / count) * slice.start : 0 };
};

/** Places for a graph's inputs: those handed on, and slices of those that come from outside. */
const inputsOf = ({ phases, placement, tokens, fed }: Laid, slice: Slice | null) => {
  const places = new Map<string, InputPlace>(placement.inputs);
  for (const node of fed) {
    const place = placement.inputs.get(node.name);
    if (place?.kind === "feed")
      places.set(node.name, { ...place, within: withinOf(node, tokens, slice) });
  }
  for (const [value, node] of phases.handed)
    places.set(value, { kind: "kept", value, ...withinOf(node, tokens, slice) });
  return places;
};

/** Places for a graph's outputs; sums of slices add up. */
const outputsOf = ({ phases, placement, tokens }: Laid, slice: Slice | null) => {
  const places = new Map<string, OutputPlace>(placement.outputs);
  const later = slice !== null && slice.start > 0;
  if (later)
    for (const [name, place] of placement.outputs)
      if (place.kind === "state") places.set(name, { ...place, accumulate: true });
  for (const [value, node] of phases.handed) {
    const accumulate = later && !goesAlong(node.axes, tokens);
    places.set(value, { kind: "kept", value, accumulate, ...withinOf(node, tokens, slice) });
  }
  return places;
};

const placed = (laid: Laid, graph: Graph, slice: Slice | null): Placed => {
  const outputs = Object.entries(graph.outputs).map(
    ([name, node]) => [laid.direct.get(name) ?? name, node] as const,
  );
  return {
    graph: { outputs: Object.fromEntries(outputs) },
    placement: { inputs: inputsOf(laid, slice), outputs: outputsOf(laid, slice) },
  };
};

/** Outputs of the last phase that are sums of slices as they are. */
const directOf = ({ after, handed }: Phases, placement: Placement) => {
  const direct = new Map<string, string>();
  const entries = Object.entries(after.outputs);
  const others = (name: string) =>
    nodesOf({ outputs: Object.fromEntries(entries.filter(([other]) => other !== name)) });
  for (const [name, node] of entries)
    if (
      node.op === "input" &&
      handed.has(node.name) &&
      placement.outputs.get(name)?.kind === "state" &&
      !others(name).includes(node)
    )
      direct.set(node.name, name);
  return direct;
};

const without = ({ outputs }: Graph, names: ReadonlySet<string>): Graph => ({
  outputs: Object.fromEntries(Object.entries(outputs).filter(([name]) => !names.has(name))),
});

/** What states that a graph reads or writes take. */
const stateBytes = ({ inputs, outputs }: Placement): number => {
  const states = new Map<string, number>();
  for (const place of [...inputs.values(), ...outputs.values()])
    if (place.kind === "state") states.set(place.state, place.stateBytes);
  return [...states.values()].reduce((sum, bytes) => sum + bytes, 0);
};

/** Lowers the graph and keeps the program; gives the bytes of what the forward pass keeps for the rest. */
export const addPhased = (
  into: Programs,
  name: string,
  graph: Graph,
  placement: Placement,
  phasing: Phasing,
): number => {
  const { tokens, backward } = phasing;
  const region = regionOf(graph, isLarge(phasing));
  const slices =
    region === null ? [] : slicesOf(region, tokens, into.target, stateBytes(placement));
  if (slices.length < 2 && backward === null) {
    addParts(into, name, [{ graph, placement }]);
    return 0;
  }
  const phases = phasesOf(graph, region, backward?.end ?? null, backward?.anchor ?? always);
  const direct = directOf(phases, placement);
  const fed = nodesOf(graph).filter((node) => node.op === "input");
  const laid = { phases, placement, tokens, fed, direct };
  const sliceOf = phases.slice;
  const graphs = new Map<string, Graph>();
  const sliceGraph = ({ sizes }: Slice): Graph => {
    const key = sizes.map(({ size }) => size).join(" ");
    const made = graphs.get(key) ?? sliceOf?.(sizes) ?? { outputs: {} };
    graphs.set(key, made);
    return made;
  };
  addParts(into, name, [
    placed(laid, phases.before, null),
    ...slices.map((slice) => placed(laid, sliceGraph(slice), slice)),
    placed(laid, without(phases.after, new Set(direct.values())), null),
  ]);
  return [...phases.kept].reduce((sum, value) => {
    const node = phases.handed.get(value);
    return node === undefined ? sum : sum + tensorBytes(node.axes);
  }, 0);
};
