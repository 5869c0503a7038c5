/** Walking and rebuilding graphs: the operands of each operation, and the same operation on others. */
import type { Builder } from "./build.js";
import type { Graph, Input, Node } from "./tensor.js";

/** The nodes a node reads, in a fixed order. */
export const operandsOf = (node: Node): readonly Node[] => {
  switch (node.op) {
    case "input":
    case "const":
    case "index":
      return [];
    case "map":
      return node.args;
    case "cast":
    case "permute":
    case "reduce":
    case "shift":
    case "kth":
    case "rename":
    case "stop":
      return [node.arg];
    case "compact":
      return [node.arg, node.mask];
    case "expand":
      return [node.arg, node.places, node.fill];
    case "contract":
      return [node.left, node.right];
    case "gather":
      return [node.table, node.indices];
    case "scatter":
      return [node.value, node.indices];
    case "attention":
      return [node.q, node.k, node.v];
    case "attention_grad":
      return [node.q, node.k, node.v, node.lse, node.dOut, node.delta];
    default:
      return node satisfies never;
  }
};

/** Every node reachable from `roots`, by ascending id: operands before their users. */
export const reachable = (roots: readonly Node[]): readonly Node[] => {
  const seen = new Set<Node>();
  const pending = [...roots];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    pending.push(...operandsOf(node));
  }
  return [...seen].sort((a, b) => a.id - b.id);
};

/** Whether a root reads, however far up, a node that is so. */
export const reads = (root: Node, isSo: (node: Node) => boolean): boolean => {
  const seen = new Set<Node>();
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    if (isSo(node)) return true;
    seen.add(node);
    pending.push(...operandsOf(node));
  }
  return false;
};

/** Every node of a graph, by ascending id. */
export const nodesOf = (graph: Graph): readonly Node[] => reachable(Object.values(graph.outputs));

const indicesAt = (operands: readonly Node[], at: number): Input => {
  const node = operands[at];
  if (node?.op !== "input") throw new Error("indices must stay an input");
  return node;
};

/** The same operation on other operands, in the order of `operandsOf`. Their sizes may differ, not their axes' names. */
export const rebuild = (builder: Builder, node: Node, operands: readonly Node[]): Node => {
  const at = (i: number): Node => {
    const operand = operands[i];
    if (operand === undefined) throw new Error(`${node.op} lacks operand ${i}`);
    return operand;
  };
  switch (node.op) {
    case "input":
      return builder.input(node.name, node.axes, node.dtype);
    case "const":
      return builder.constant(node.value);
    case "index":
      return node.axes[0] === undefined ? node : builder.index(node.axes[0]);
    case "cast":
      return builder.cast(indicesAt(operands, 0));
    case "map":
      return builder.map(node.fn, ...operands);
    case "permute":
      return builder.permute(
        at(0),
        node.axes.map((a) => a.name),
      );
    case "reduce":
      return builder.reduce(node.fn, at(0), node.over);
    case "contract":
      return builder.contract(at(0), at(1), node.over);
    case "gather":
      return builder.gather(at(0), indicesAt(operands, 1), node.axis);
    case "scatter": {
      const axis = node.axes.find((a) => a.name === node.axis);
      return axis === undefined ? node : builder.scatter(at(0), indicesAt(operands, 1), axis);
    }
    case "shift":
      return builder.shift(at(0), node.axis, node.by);
    case "kth":
      return builder.kth(at(0), node.axis, node.k);
    case "compact": {
      const into = node.axes.at(-1);
      return into === undefined ? node : builder.compact(at(0), at(1), node.axis, into);
    }
    case "expand": {
      const into = node.axes.at(-1);
      const places = indicesAt(operands, 1);
      return into === undefined ? node : builder.expand(at(0), places, at(2), node.axis, into);
    }
    case "rename":
      return builder.rename(at(0), node.from, node.to);
    case "stop":
      return builder.stop(at(0));
    case "attention":
      return builder.attention({ ...node, q: at(0), k: at(1), v: at(2) });
    case "attention_grad": {
      const saved = { lse: at(3), dOut: at(4), delta: at(5) };
      return builder.attentionGrad({ ...node, q: at(0), k: at(1), v: at(2), ...saved });
    }
    default:
      return node satisfies never;
  }
};

/** Copies of nodes and of all they need, each built just before it is needed first; `replace` may give another for one. */
export const copyNodes = (
  builder: Builder,
  nodes: Iterable<Node>,
  replace: (node: Node) => Node | null,
): ReadonlyMap<Node, Node> => {
  const done = new Map<Node, Node>();
  const visit = (node: Node): Node => {
    const known = done.get(node);
    if (known !== undefined) return known;
    const copy = replace(node) ?? rebuild(builder, node, operandsOf(node).map(visit));
    done.set(node, copy);
    return copy;
  };
  for (const node of nodes) visit(node);
  return done;
};

/** A graph's nodes built again in `builder`, those that `replace` gives another for replaced. */
export const copyGraph = (
  builder: Builder,
  { outputs }: Graph,
  replace: (node: Node) => Node | null,
): Graph => {
  const copies = copyNodes(builder, Object.values(outputs), replace);
  const copied = Object.entries(outputs).map(
    ([name, node]) => [name, copies.get(node) ?? node] as const,
  );
  return { outputs: Object.fromEntries(copied) };
};
