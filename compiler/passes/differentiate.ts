/** Reverse-mode differentiation: walks the graph from its end, adding up the adjoints that adjoint.ts gives. */
import type { Builder } from "../ir/build.js";
import type { Node } from "../ir/tensor.js";
import { operandsOf, reachable } from "../ir/traverse.js";
import { adjointOf, NotDifferentiable } from "./adjoint.js";

export { NotDifferentiable };

/** Nodes whose value changes with one of `wrt`, as far as `stop` lets changes through. */
const dependents = (nodes: readonly Node[], wrt: ReadonlySet<Node>): ReadonlySet<Node> => {
  const found = new Set<Node>();
  for (const node of nodes)
    if (wrt.has(node) || (node.op !== "stop" && operandsOf(node).some((n) => found.has(n))))
      found.add(node);
  return found;
};

/** Addition commutes: take the order of operands that gives the axes' order of `like`, if one does. */
const addLike = (b: Builder, left: Node, right: Node, like: Node): Node => {
  const natural = b.map("add", left, right);
  if (b.ordered(natural, like.axes) === natural) return natural;
  const swapped = b.map("add", right, left);
  return b.ordered(swapped, like.axes) === swapped ? swapped : natural;
};

/**
 * The gradient, by each node of `wrt`, of whatever has the gradients `sources` by some nodes (with their axes) and depends on
 * others through these alone: exactly that node's axes in its order, and 0 at every place where no source depends on it.
 * Several uses of a node add up in a fixed order: the latest use first. Throws NotDifferentiable where the way leads through
 * an adjoint.
 */
export const differentiateFrom = (
  builder: Builder,
  sources: ReadonlyMap<Node, Node>,
  wrt: readonly Node[],
): Map<Node, Node> => {
  const nodes = reachable([...sources.keys()]);
  const depends = dependents(nodes, new Set(wrt));
  const adjoints = new Map<Node, Node>(sources);
  for (const node of nodes.toReversed()) {
    const g = adjoints.get(node);
    if (g === undefined || !depends.has(node)) continue;
    for (const [i, operand] of operandsOf(node).entries()) {
      if (!depends.has(operand)) continue;
      const part = adjointOf(builder, node, g, i);
      if (part === null) continue;
      const sofar = adjoints.get(operand);
      adjoints.set(operand, sofar === undefined ? part : addLike(builder, sofar, part, operand));
    }
  }
  return new Map(
    wrt.map((node) => [
      node,
      builder.broadcast(adjoints.get(node) ?? builder.constant(0), node.axes),
    ]),
  );
};

/** The gradient of `output`, which has no axes, by each node of `wrt`, as `differentiateFrom` gives it. */
export const differentiate = (
  builder: Builder,
  output: Node,
  wrt: readonly Node[],
): Map<Node, Node> => {
  if (output.axes.length > 0)
    throw new Error("only a value without axes has a gradient; sum it first");
  return differentiateFrom(builder, new Map([[output, builder.constant(1)]]), wrt);
};
