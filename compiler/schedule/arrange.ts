/**
 * Prepares a graph for lowering: operands of the hand-written families in the order they read (and, of all but products, as
 * f32), every output stored by itself.
 */
import { Builder } from "../ir/build.js";
import type { Axis, Graph, Node } from "../ir/tensor.js";
import { nodesOf, operandsOf, rebuild } from "../ir/traverse.js";
import { productOf } from "./contraction.js";

const names = (axes: readonly Axis[]): string[] => axes.map((axis) => axis.name);

/** Whether an input is stored in 16 bits. */
export type IsHalf = (input: Node) => boolean;

/** The node as a kernel of its own gives it. */
const copied = (builder: Builder, node: Node): Node =>
  builder.binary("add", node, builder.constant(0));

/** A node that will have a buffer of its own. */
const stored = (builder: Builder, node: Node): Node =>
  node.op === "const" || node.op === "index" || node.op === "cast" || node.op === "stop"
    ? copied(builder, node)
    : node;

const ordered = (builder: Builder, node: Node, order: readonly string[]): Node =>
  builder.permute(stored(builder, node), order);

/** Batch axes, position, heads shared with the keys, heads of the queries alone, dim. */
const headOrder = (
  node: Extract<Node, { op: "attention" | "attention_grad" }>,
  of: Node,
): string[] => {
  const special = [node.position, node.dim];
  const all = names(node.q.axes);
  const at = all.indexOf(node.position);
  const keys = names(node.k.axes);
  const heads = all.slice(at + 1).filter((name) => !special.includes(name));
  const order = [
    ...all.slice(0, at),
    node.position,
    ...heads.filter((name) => keys.includes(name)),
    ...heads.filter((name) => !keys.includes(name)),
    node.dim,
  ];
  return order.filter((name) => of.axes.some((axis) => axis.name === name));
};

/** The node repeated along axes that it lacks. */
const repeated = (builder: Builder, node: Node, axes: readonly Axis[]): Node =>
  axes.length === 0 ? node : builder.binary("add", node, builder.zeros(axes));

/** A product whose result has batch, left, right in this order, then turned into the contraction's own. */
const arrangeContract = (builder: Builder, node: Extract<Node, { op: "contract" }>): Node => {
  const inRight = ({ name }: Axis): boolean => node.right.axes.some((axis) => axis.name === name);
  const isOver = ({ name }: Axis): boolean => node.over.includes(name);
  const straight = productOf(node) !== null;
  const batchFirst = (axes: readonly Axis[]): string[] => [
    ...names(axes.filter((axis) => inRight(axis) && !isOver(axis))),
    ...names(axes.filter((axis) => !inRight(axis))),
    ...names(axes.filter(isOver)),
  ];
  const turned = straight ? node.left : builder.permute(node.left, batchFirst(node.left.axes));
  const contract = builder.contract(turned, node.right, node.over);
  const product = contract.op === "contract" ? productOf(contract) : null;
  if (product === null) throw new Error("a contraction's axes are not batch, left, right");
  const left = ordered(builder, node.left, product.leftOrder);
  const right = ordered(builder, node.right, product.rightOrder);
  return builder.permute(builder.contract(left, right, node.over), names(node.axes));
};

/** The kernels want keys and values for every batch: shared ones are repeated, and their gradients summed. */
const arrangeAttention = (
  builder: Builder,
  node: Extract<Node, { op: "attention" | "attention_grad" }>,
  isHalf: IsHalf,
): Node => {
  const at = node.q.axes.findIndex((axis) => axis.name === node.position);
  const lacking = node.q.axes
    .slice(0, at)
    .filter((axis) => !node.k.axes.some(({ name }) => name === axis.name));
  const whole = operandsOf(node).map((operand) => {
    const plain = isHalf(operand) ? copied(builder, operand) : operand;
    return operand === node.k || operand === node.v ? repeated(builder, plain, lacking) : plain;
  });
  const wide = rebuild(builder, node, whole);
  if (wide.op !== "attention" && wide.op !== "attention_grad") return node;
  const operands = whole.map((operand) => ordered(builder, operand, headOrder(wide, operand)));
  const made = rebuild(builder, wide, operands);
  const shared = made.axes.filter(({ name }) => !node.axes.some((axis) => axis.name === name));
  const result = shared.length === 0 ? made : builder.reduce("sum", made, names(shared));
  return builder.permute(result, names(node.axes));
};

const arrangeNode = (builder: Builder, node: Node, isHalf: IsHalf): Node => {
  switch (node.op) {
    case "contract":
      return arrangeContract(builder, node);
    case "scatter": {
      const order = [...names(node.indices.axes), ...names(node.axes).slice(1)];
      const axis = node.axes[0];
      if (axis === undefined) return node;
      const value = isHalf(node.value) ? copied(builder, node.value) : node.value;
      return builder.scatter(ordered(builder, value, order), node.indices, axis);
    }
    case "kth": {
      const order = [...names(node.axes), node.axis];
      return builder.kth(ordered(builder, node.arg, order), node.axis, node.k);
    }
    case "compact": {
      const order = [...names(node.axes).slice(0, -1), node.axis];
      const into = node.axes.at(-1);
      if (into === undefined) return node;
      const arg = ordered(builder, node.arg, node.arg.axes.length === 1 ? [node.axis] : order);
      return builder.compact(arg, ordered(builder, node.mask, order), node.axis, into);
    }
    case "expand": {
      const into = node.axes.at(-1);
      if (into === undefined) return node;
      const [arg, fill] = [stored(builder, node.arg), stored(builder, node.fill)];
      return builder.expand(arg, node.places, fill, node.axis, into);
    }
    case "attention":
    case "attention_grad":
      return arrangeAttention(builder, node, isHalf);
    default:
      return node;
  }
};

export const arrangeOperands = (graph: Graph, isHalf: IsHalf): Graph => {
  const builder = new Builder();
  const done = new Map<Node, Node>();
  for (const node of nodesOf(graph)) {
    const operands = operandsOf(node).map((operand) => done.get(operand) ?? operand);
    done.set(node, arrangeNode(builder, rebuild(builder, node, operands), isHalf));
  }
  const taken = new Set<Node>();
  const outputs = Object.entries(graph.outputs).map(([name, node]) => {
    let output = done.get(node) ?? node;
    while (
      taken.has(output) ||
      output.op === "input" ||
      output.op === "cast" ||
      output.op === "const" ||
      output.op === "index"
    )
      output = builder.binary("add", output, builder.constant(0));
    taken.add(output);
    return [name, output] as const;
  });
  return { outputs: Object.fromEntries(outputs) };
};
