/**
 * Groups nodes into kernels. Contractions, attention, scatters and selections stand alone; everything else joins the one kernel
 * that all its uses end up in, as long as it computes over the same rows: a kernel has rows R and, where it reduces,
 * an inner extent I that every reduction in it runs over. What is cheaper to compute than to store is in several.
 */

import { type Axis, type Node, sizeOf } from "../ir/tensor.js";
import { operandsOf } from "../ir/traverse.js";
import { isTable } from "./tables.js";

/** A generated kernel: `root` is stored; `members` are computed inside it and stored nowhere. */
export interface Group {
  readonly root: Node;
  readonly rows: readonly Axis[];
  readonly inner: readonly Axis[];
}

export const isBig = (node: Node): boolean =>
  node.op === "contract" ||
  node.op === "attention" ||
  node.op === "attention_grad" ||
  node.op === "scatter" ||
  node.op === "kth" ||
  node.op === "compact" ||
  node.op === "expand";

/** Reads another tensor at other places than its own: what it reads must be stored. */
export const isView = (node: Node): boolean =>
  node.op === "shift" || node.op === "rename" || node.op === "permute" || node.op === "gather";

const isLeaf = (node: Node): boolean =>
  node.op === "input" || node.op === "const" || node.op === "index" || node.op === "cast";

interface Shape {
  rows: readonly Axis[];
  inner: readonly Axis[] | null;
}

const names = (axes: readonly Axis[]): Set<string> => new Set(axes.map((axis) => axis.name));
const within = (axes: readonly Axis[], set: ReadonlySet<string>): boolean =>
  axes.every((axis) => set.has(axis.name));
const equal = (axes: readonly Axis[], set: ReadonlySet<string>): boolean =>
  axes.length === set.size && within(axes, set);

const reducedAxes = (node: Extract<Node, { op: "reduce" }>): Axis[] =>
  node.arg.axes.filter((axis) => node.over.includes(axis.name));

/** Whether a node may be computed inside a kernel of this shape; may fix the kernel's inner extent. */
const joins = (node: Node, shape: Shape, root: Node): boolean => {
  const all = new Set([...names(shape.rows), ...names(shape.inner ?? [])]);
  if (node.op !== "reduce") return within(node.axes, all);
  const over = reducedAxes(node);
  if (shape.inner !== null)
    return equal(over, names(shape.inner)) && equal(node.axes, names(shape.rows));
  const rootNames = names(root.axes);
  if (equal(node.axes, rootNames)) {
    shape.inner = over;
    return true;
  }
  if (equal(node.arg.axes, rootNames)) {
    shape.rows = root.axes.filter((axis) => !node.over.includes(axis.name));
    shape.inner = root.axes.filter((axis) => node.over.includes(axis.name));
    return true;
  }
  return false;
};

/** Most functions that are computed anew in each kernel that wants them, rather than once and stored. */
const MOST_REPEATED = 8;

/**
 * Whether computing a value again costs no more memory traffic than reading it: a few functions of one tensor of its
 * size, and of smaller ones such as a row's sum.
 */
const repeats = (node: Node): boolean => {
  const whole = sizeOf(node.axes);
  const seen = new Set<Node>();
  let functions = 0;
  let large = 0;
  const visit = (inner: Node): void => {
    if (seen.has(inner)) return;
    seen.add(inner);
    if (inner.op === "map" && !isTable(inner)) {
      functions++;
      inner.args.forEach(visit);
    } else if (inner.op !== "const" && sizeOf(inner.axes) === whole) large++;
  };
  visit(node);
  return node.op === "map" && large <= 1 && functions <= MOST_REPEATED;
};

const shapeOf = (root: Node): Shape =>
  root.op === "reduce"
    ? { rows: root.axes, inner: reducedAxes(root) }
    : { rows: root.axes, inner: null };

/**
 * The groups of a graph, by root, in topological order. `nodes` ascend; `stored` are roots in any case (outputs).
 * With `fuse` false every node is its own group.
 */
export const fuse = (
  nodes: readonly Node[],
  stored: ReadonlySet<Node>,
  fuse: boolean,
): ReadonlyMap<Node, Group> => {
  const consumers = new Map<Node, Node[]>();
  for (const node of nodes)
    for (const operand of operandsOf(node))
      consumers.set(operand, [...(consumers.get(operand) ?? []), node]);
  /** The kernels that a node is computed in. */
  const rootsOf = new Map<Node, ReadonlySet<Node>>();
  const shapes = new Map<Node, Shape>();
  const isInside = (node: Node, roots: ReadonlySet<Node>): boolean => {
    const users = consumers.get(node) ?? [];
    return (
      fuse &&
      !stored.has(node) &&
      roots.size > 0 &&
      (roots.size === 1 || repeats(node)) &&
      !users.some((user) => isBig(user) || isView(user)) &&
      !(isView(node) && users.length > 1) &&
      [...roots].every((root) => {
        const shape = shapes.get(root);
        return shape !== undefined && joins(node, shape, root);
      })
    );
  };
  for (const node of [...nodes].reverse()) {
    if (isLeaf(node) || isBig(node) || isTable(node)) continue;
    const users = consumers.get(node) ?? [];
    const roots = new Set(users.flatMap((user) => [...(rootsOf.get(user) ?? [])]));
    const inside = isInside(node, roots);
    rootsOf.set(node, inside ? roots : new Set([node]));
    if (!inside) shapes.set(node, shapeOf(node));
  }
  const groups = new Map<Node, Group>();
  for (const node of nodes) {
    const shape = shapes.get(node);
    if (shape !== undefined)
      groups.set(node, { root: node, rows: shape.rows, inner: shape.inner ?? [] });
  }
  return groups;
};
