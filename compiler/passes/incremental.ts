/**
 * A text one position at a time: the graph of a new position alone, given the keys and values of the positions before it.
 * Attention looks back and all else looks at its own position, so nothing else of them is needed ("Efficiently Scaling
 * Transformer Inference", arXiv 2211.05102, section 2). Graphs that look elsewhere have no such form.
 */
import { hasAxis } from "../ir/axes.js";
import type { Builder } from "../ir/build.js";
import type { Attention, Axis, Graph, Input, Node } from "../ir/tensor.js";
import { nodesOf, operandsOf, rebuild } from "../ir/traverse.js";

export interface TextInputs {
  /** The axis of positions. */
  readonly position: Axis;
  /** Of the whole text, [window, position]. */
  readonly tokens: Input;
  /** At the new position, [window]. */
  readonly token: Input;
  /** Where the new position is, [window]. */
  readonly place: Input;
}

export interface Incremental {
  /** The outputs at the new position, and by their names the new rows of what is kept. */
  readonly step: Graph;
  /** What is kept of each position, with the axis of positions first, in the graph of the whole text. */
  readonly kept: ReadonlyMap<string, Node>;
}

/** What the new position's attention is made of: a score for each position before it, and its own. */
const attend = (
  builder: Builder,
  node: Attention,
  { position, place }: TextInputs,
  now: { readonly q: Node; readonly k: Node; readonly v: Node },
  past: { readonly k: Node; readonly v: Node },
): Node => {
  const b = builder;
  const { dim, scale, cap, within } = node;
  const score = (keys: Node): Node => {
    const raw = b.map("mul", b.contract(now.q, keys, [dim]), b.constant(scale));
    if (cap === null) return raw;
    const limit = b.constant(cap);
    return b.map("mul", b.unary("tanh", b.map("div", raw, limit)), limit);
  };
  const [here, at] = [b.cast(place), b.index(position)];
  const before = b.map("less", at, here);
  const near = within === null ? null : b.map("less", here, b.map("add", at, b.constant(within)));
  const seen = near === null ? before : b.map("mul", before, near);
  const scores = b.select(seen, score(past.k), b.constant(-1e30));
  const own = score(now.k);
  const most = b.map("max", b.reduce("max", scores, [position.name]), own);
  const [weights, weight] = [scores, own].map((s) => b.unary("exp", b.map("sub", s, most)));
  if (weights === undefined || weight === undefined) return node;
  const total = b.map("add", b.sum(weights, [position.name]), weight);
  const mixed = b.map(
    "add",
    b.contract(weights, past.v, [position.name]),
    b.map("mul", weight, now.v),
  );
  return b.permute(
    b.map("div", mixed, total),
    now.q.axes.map(({ name }) => name),
  );
};

/** Whether a value without the axis of positions comes from all of them. */
const gathers = (graph: Graph, position: string): boolean =>
  nodesOf(graph).some(
    (node) =>
      !hasAxis(node.axes, position) && operandsOf(node).some((of) => hasAxis(of.axes, position)),
  );

/** Whether a node with the axis of positions has at each only what its operands have there. */
const isLocal = (node: Node, { position, tokens }: TextInputs): boolean => {
  switch (node.op) {
    case "map":
    case "permute":
    case "reduce":
    case "contract":
    case "kth":
    case "compact":
    case "stop":
    case "index":
      return true;
    case "cast":
      return node.arg === tokens;
    case "gather":
      return node.indices === tokens && !hasAxis(node.table.axes, position.name);
    case "shift":
      return node.axis !== position.name;
    case "rename":
      return node.to !== position.name;
    case "attention":
      return node.part === "out" && node.position === position.name;
    case "input":
      return node === tokens;
    case "const":
    case "expand":
    case "scatter":
    case "attention_grad":
      return false;
    default:
      return node satisfies never;
  }
};

/** Null where some value comes from other positions in another way than by causal attention. */
export const incremental = (
  builder: Builder,
  graph: Graph,
  inputs: TextInputs,
): Incremental | null => {
  const { position, token, place } = inputs;
  const along = nodesOf(graph).filter((node) => hasAxis(node.axes, position.name));
  if (gathers(graph, position.name) || !along.every((node) => isLocal(node, inputs))) return null;
  const kept = new Map<string, Node>();
  const rows: [string, Node][] = [];
  const done = new Map<Node, Node>();
  const pasts = new Map<Node, Node>();
  const pastOf = (node: Node, row: Node): Node => {
    const name = `past.${kept.size}`;
    const axes = [position, ...row.axes];
    kept.set(
      name,
      builder.permute(
        node,
        axes.map((axis) => axis.name),
      ),
    );
    rows.push([name, row]);
    return builder.input(name, axes, "f32");
  };
  const past = (node: Node): Node => {
    const known = pasts.get(node) ?? pastOf(node, now(node));
    pasts.set(node, known);
    return known;
  };
  const made = (node: Node): Node => {
    switch (node.op) {
      case "index":
        return builder.cast(place);
      case "cast":
        return builder.cast(token);
      case "gather":
        return builder.gather(node.table, token, node.axis);
      case "attention": {
        const [q, k, v] = [now(node.q), now(node.k), now(node.v)];
        return attend(builder, node, inputs, { q, k, v }, { k: past(node.k), v: past(node.v) });
      }
      case "permute":
        return now(node.arg);
      default:
        return rebuild(builder, node, operandsOf(node).map(now));
    }
  };
  const now = (node: Node): Node => {
    if (!hasAxis(node.axes, position.name)) return node;
    const known = done.get(node) ?? made(node);
    done.set(node, known);
    return known;
  };
  const outputs = Object.entries(graph.outputs).map(([name, node]) => [name, now(node)] as const);
  return { step: { outputs: Object.fromEntries([...outputs, ...rows]) }, kept };
};
