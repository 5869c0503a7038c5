/**
 * Places picked from an axis as early as they can be: what only ever serves the picked places is computed for those alone.
 * The logits of one position of a long text then cost the last layer's attention and one row of all that follows it.
 */
import { hasAxis } from "../ir/axes.js";
import type { Builder } from "../ir/build.js";
import type { Graph, Input, Node } from "../ir/tensor.js";
import { nodesOf, operandsOf, rebuild } from "../ir/traverse.js";

/** Whether picking the operands along `axis` and then doing `node` gives the same as picking from what `node` gives. */
const commutes = (node: Node, axis: string, indices: Input): boolean => {
  const free = (names: readonly string[]): boolean =>
    names.every((name) => name !== axis && !hasAxis(indices.axes, name));
  switch (node.op) {
    case "map":
    case "permute":
    case "stop":
      return true;
    case "reduce":
    case "contract":
      return free(node.over);
    case "shift":
    case "kth":
    case "compact":
      return free([node.axis]);
    case "rename":
      return free([node.from, node.to]);
    case "input":
    case "const":
    case "index":
    case "cast":
    case "gather":
    case "scatter":
    case "expand":
    case "attention":
    case "attention_grad":
      return false;
    default:
      return node satisfies never;
  }
};

/** Nodes of which all places along the axis are needed: for those that need them so, or as picking cannot go further down. */
const wholeNodes = (graph: Graph, axis: string, indices: Input): ReadonlySet<Node> => {
  const whole = new Set<Node>();
  // Users come after what they read, so that by its turn all who read a node have been asked.
  for (const node of [...nodesOf(graph)].reverse()) {
    const picked = hasAxis(node.axes, axis) && !whole.has(node);
    const passesOn = picked && commutes(node, axis, indices);
    if (picked && !passesOn) whole.add(node);
    for (const operand of operandsOf(node))
      if (!passesOn || !hasAxis(operand.axes, axis)) whole.add(operand);
  }
  return whole;
};

/** The outputs at the places `indices` of `axis`: the axis goes, and the axes of `indices` take its part. */
export const pick = (builder: Builder, graph: Graph, axis: string, indices: Input): Graph => {
  const whole = wholeNodes(graph, axis, indices);
  const done = new Map<Node, Node>();
  const picked = (node: Node): Node => {
    if (!hasAxis(node.axes, axis)) return node;
    const known = done.get(node);
    if (known !== undefined) return known;
    const made = whole.has(node) ? builder.gather(node, indices, axis) : rebuilt(node);
    done.set(node, made);
    return made;
  };
  const rebuilt = (node: Node): Node => {
    const operands = operandsOf(node).map(picked);
    // A permutation names the axes of what it gives, and one of them is gone.
    return node.op === "permute" ? (operands[0] ?? node) : rebuild(builder, node, operands);
  };
  return {
    outputs: Object.fromEntries(
      Object.entries(graph.outputs).map(([name, node]) => [name, picked(node)]),
    ),
  };
};
