/**
 * Reverse mode as one table: operation → adjoint of each operand, in the same operations.
 * An adjoint may lack axes of the node it belongs to: it is then the same along them (so a sum's adjoint costs nothing),
 * and every rule gives one whose axes are among its operand's.
 */
import { axisNames, hasAxis, withoutAxes } from "../ir/axes.js";
import type { Builder } from "../ir/build.js";
import {
  type AttentionGrad,
  type Axis,
  type Contract,
  type Gather,
  type Node,
  type Reduce,
  sizeOf,
} from "../ir/tensor.js";
import { derivative } from "./derivative.js";

/** An operation that has no rule: adjoints of adjoints are not derived. */
export class NotDifferentiable extends Error {
  constructor(readonly op: Node["op"]) {
    super(`${op} has no derivative here`);
  }
}

/** The adjoint of operand `i` (in the order of `operandsOf`), or null where nothing flows back. */
type Rule<N extends Node> = (b: Builder, node: N, g: Node, i: number) => Node | null;

/** Sums what stands for `over` down to the axes of `operand`; axes that `g` lacks count as often as they are long. */
const sumTo = (b: Builder, g: Node, over: readonly Axis[], operand: Node): Node => {
  const extra = withoutAxes(over, axisNames(operand.axes));
  const present = axisNames(extra).filter((name) => hasAxis(g.axes, name));
  const times = sizeOf(withoutAxes(extra, present));
  const sum = b.sum(g, present);
  return times === 1 ? sum : b.map("mul", b.constant(times), sum);
};

const none = (): null => null;

const reduceRule: Rule<Reduce> = (b, node, g) => {
  if (node.fn === "sum") return g;
  // Equal maxima share evenly.
  const mask = b.map("equal", node.arg, node);
  return b.map("mul", mask, b.map("div", g, b.sum(mask, node.over)));
};

/** Both orders of the product differ only in the order of their axes: take the one the operand has. */
const contractTo = (
  b: Builder,
  left: Node,
  right: Node,
  over: readonly string[],
  like: Node,
): Node => {
  const product = (l: Node, r: Node): Node =>
    over.length === 0 ? b.map("mul", l, r) : b.contract(l, r, over);
  const natural = product(left, right);
  if (b.ordered(natural, like.axes) === natural) return natural;
  const swapped = product(right, left);
  return b.ordered(swapped, like.axes) === swapped ? swapped : b.ordered(natural, like.axes);
};

const contractRule: Rule<Contract> = (b, node, upstream, i) => {
  const g = b.ordered(upstream, node.axes);
  const [mine, other] = i === 0 ? [node.left, node.right] : [node.right, node.left];
  const away = axisNames(withoutAxes(other.axes, axisNames(mine.axes)));
  const over = away.filter((name) => hasAxis(g.axes, name));
  const summed = b.sum(
    other,
    away.filter((name) => !hasAxis(g.axes, name)),
  );
  return contractTo(b, g, summed, over, mine);
};

/** Equality commutes: take the order of operands that gives the axes' order of `like`, if one does. */
const equalLike = (b: Builder, left: Node, right: Node, like: Node): Node => {
  const natural = b.map("equal", left, right);
  const kept = axisNames(natural.axes).filter((name) => hasAxis(like.axes, name));
  const wanted = axisNames(like.axes).filter((name) => kept.includes(name));
  return kept.every((name, i) => name === wanted[i]) ? natural : b.map("equal", right, left);
};

/** Where table and indices share axes, each row has its own index: one place gets the adjoint, the others 0. */
const alignedGather = (b: Builder, node: Gather, g: Node, along: Axis): Node => {
  const { table, indices, axis } = node;
  const own = hasAxis(indices.axes, axis);
  const aside = (n: Node): Node =>
    own && hasAxis(n.axes, axis) ? b.rename(n, axis, `${axis}'`) : n;
  const chosen = aside(b.cast(indices));
  const value = aside(g);
  const here = equalLike(b, chosen, b.index(along), table);
  const spread = b.select(here, value, b.constant(0));
  return sumTo(b, spread, [along, ...chosen.axes], table);
};

const gatherRule: Rule<Gather> = (b, node, g, i) => {
  const { table, indices, axis } = node;
  const along = table.axes.find((a) => a.name === axis);
  if (i !== 0 || along === undefined) return null;
  const rest = withoutAxes(table.axes, [axis]);
  if (indices.axes.some((a) => hasAxis(rest, a.name))) return alignedGather(b, node, g, along);
  const full = [...indices.axes, ...rest.filter((a) => hasAxis(g.axes, a.name))];
  return b.scatter(b.broadcast(g, full), indices, along);
};

const PARTS = ["q", "k", "v"] as const;

type Rules = { readonly [Op in Node["op"]]: Rule<Extract<Node, { op: Op }>> };

const RULES: Rules = {
  input: none,
  const: none,
  index: none,
  cast: none,
  stop: none,
  map: (b, node, g, i) => {
    const operand = node.args[i];
    const change = derivative(b, node, g, i);
    return operand === undefined || change === null ? null : sumTo(b, change, node.axes, operand);
  },
  kth: none,
  compact: (_, node) => {
    throw new NotDifferentiable(node.op);
  },
  expand: (_, node) => {
    throw new NotDifferentiable(node.op);
  },
  permute: (_, __, g) => g,
  reduce: reduceRule,
  contract: contractRule,
  gather: gatherRule,
  scatter: (_, node) => {
    throw new NotDifferentiable(node.op);
  },
  shift: (b, node, g) => (hasAxis(g.axes, node.axis) ? b.shift(g, node.axis, -node.by) : g),
  rename: (b, node, g) => (hasAxis(g.axes, node.to) ? b.rename(g, node.to, node.from) : g),
  attention: (b, node, g, i) => {
    const part: AttentionGrad["part"] | undefined = PARTS[i];
    if (node.part !== "out" || part === undefined) throw new NotDifferentiable(node.op);
    const { dim, q, k, v } = node;
    const dOut = b.broadcast(g, node.axes);
    const lse = b.attention({ ...node, part: "lse" });
    const delta = b.sum(b.map("mul", node, dOut), [dim]);
    return b.attentionGrad({ ...node, part, q, k, v, lse, dOut, delta });
  },
  attention_grad: (_, node) => {
    throw new NotDifferentiable(node.op);
  },
};

/** The adjoint of operand `i` of `node`, given the node's own; its axes are among the operand's, in any order. */
// The table's type pairs each rule with its operation; indexing by a union loses the pairing.
export const adjointOf: Rule<Node> = (b, node, g, i) =>
  (RULES[node.op] as Rule<Node>)(b, node, g, i);
