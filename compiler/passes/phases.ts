/**
 * Cuts a graph in up to three that run one after the other: what comes before its large tensors, those slice by slice, and
 * the rest. The rest computes again what is cheaper to compute twice than to keep; what is handed on has a name.
 */
import { Builder } from "../ir/build.js";
import type { Axis, Graph, Node } from "../ir/tensor.js";
import { copyNodes, nodesOf, operandsOf, reachable } from "../ir/traverse.js";
import { resized } from "./decompose.js";
import { isGiven, keptValues } from "./kept.js";
import type { Region } from "./region.js";

export interface Phases {
  readonly before: Graph;
  /** For slices with axes of these sizes; all of its inputs and outputs that go along them are slices. */
  readonly slice: ((sizes: readonly Axis[]) => Graph) | null;
  readonly after: Graph;
  /** Values handed on, by name, as they are whole. */
  readonly handed: ReadonlyMap<string, Node>;
  /** Of these, what the last part keeps of the first, by name. */
  readonly kept: ReadonlySet<string>;
}

const handedName = (node: Node): string => `value ${node.id}`;

const graphOf = (
  nodes: readonly Node[],
  outputs: readonly (readonly [string, Node])[],
  replace: (builder: Builder, node: Node) => Node | null,
): Graph => {
  const builder = new Builder();
  const wanted = [...nodes, ...outputs.map(([, node]) => node)];
  const copies = copyNodes(builder, wanted, (node) => replace(builder, node));
  return {
    outputs: Object.fromEntries(outputs.map(([name, node]) => [name, copies.get(node) ?? node])),
  };
};

const asInput =
  (handed: ReadonlySet<Node>) =>
  (builder: Builder, node: Node): Node | null =>
    handed.has(node) ? builder.input(handedName(node), node.axes) : null;

const sliceOf =
  ({ nodes, reads, results }: Region) =>
  (sizes: readonly Axis[]): Graph => {
    const small = (axes: readonly Axis[]): Axis[] =>
      sizes.reduce((all, { name, size }) => resized(all, name, size), [...axes]);
    const outside = new Set(reads);
    const outputs = results.map((node) => [handedName(node), node] as const);
    return graphOf([...nodes], outputs, (builder, node) => {
      if (outside.has(node)) return builder.input(handedName(node), small(node.axes));
      if (node.op === "input") return builder.input(node.name, small(node.axes), node.dtype);
      const [axis] = small(node.axes);
      return node.op === "index" && axis !== undefined ? builder.index(axis) : null;
    });
  };

/**
 * `end`: where the forward pass ends, if there is no region. `anchor`: nodes of the forward pass that are not computed twice.
 */
export const phasesOf = (
  graph: Graph,
  region: Region | null,
  end: Node | null,
  anchor: (node: Node) => boolean,
): Phases => {
  const nodes = nodesOf(graph);
  const inside = region?.nodes ?? new Set<Node>();
  const forward = new Set(
    reachable(region?.reads ?? (end === null ? [] : [end])).filter((node) => !inside.has(node)),
  );
  // The kernel that gives the output of an attention gives its log-sum-exp too, which only gradients read.
  for (const node of nodes)
    if (node.op === "attention" && operandsOf(node).every((of) => forward.has(of)))
      forward.add(node);
  const rest = nodes.filter((node) => !forward.has(node) && !inside.has(node));
  const needed = new Set(
    rest.flatMap((node) => operandsOf(node).filter((n) => forward.has(n) && !isGiven(n))),
  );
  const kept = keptValues([...forward], needed, anchor);
  const early = new Set([...kept, ...(region?.reads ?? [])]);
  const late = new Set([...early, ...(region?.results ?? [])]);
  const outputs = Object.entries(graph.outputs);
  const named = (set: ReadonlySet<Node>) =>
    [...set].map((node) => [handedName(node), node] as const);
  const firstOutputs = [...named(early), ...outputs.filter(([, node]) => forward.has(node))];
  const lastOutputs = outputs.filter(([, node]) => !forward.has(node));
  return {
    before: graphOf(
      nodesOf({ outputs: Object.fromEntries(firstOutputs) }),
      firstOutputs,
      () => null,
    ),
    slice: region === null ? null : sliceOf(region),
    after: graphOf(rest, lastOutputs, asInput(late)),
    handed: new Map(named(late)),
    kept: new Set([...kept].map(handedName)),
  };
};
