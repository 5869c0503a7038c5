/**
 * Algebraic clean-up after differentiation, as a table of rewrites. Values stay the same up to rounding wherever they are
 * finite. `stop` goes, so simplify only what will not be differentiated any more.
 */
import { axisNames } from "../ir/axes.js";
import type { Builder } from "../ir/build.js";
import { constantOf, isZero } from "../ir/scalar.js";
import type { BinaryFn, Graph, MapNode, Node } from "../ir/tensor.js";
import { type Rewrite, rewrite } from "./rewrite.js";

const literalOf = (node: Node): number | null => (node.op === "const" ? node.value : null);

const isFn = <F extends MapNode["fn"]>(node: Node, fn: F): node is MapNode & { fn: F } =>
  node.op === "map" && node.fn === fn;

const isPowerOfTwo = (value: number): boolean =>
  value !== 0 && Number.isFinite(value) && Number.isInteger(Math.log2(Math.abs(value)));

/** Literals alone become one literal, where it is finite: shaders cannot spell the others. */
const fold: Rewrite = (b, node) => {
  if (node.op !== "map") return null;
  const value = constantOf(node);
  return value === null || !Number.isFinite(value) ? null : b.constant(value);
};

/** c · (d · x) → (c · d) · x, with the literal first. */
const scale = (b: Builder, by: number, x: Node): Node | null => {
  if (by === 1) return x;
  if (by === -1) return b.unary("neg", x);
  if (isFn(x, "neg") && x.args[0] !== undefined) return b.map("mul", b.constant(-by), x.args[0]);
  const [inner, rest] = isFn(x, "mul") ? x.args : [];
  const factor = inner === undefined ? null : literalOf(inner);
  if (factor === null || rest === undefined) return null;
  const both = by * factor;
  return both === 0 || !Number.isFinite(both) ? null : b.map("mul", b.constant(both), rest);
};

type BinaryRewrite = (b: Builder, x: Node, y: Node, node: Node) => Node | null;

const negated = (node: Node): Node | null => (isFn(node, "neg") ? (node.args[0] ?? null) : null);

const product: BinaryRewrite = (b, x, y, node) => {
  if (isZero(x) || isZero(y)) return b.zeros(node.axes);
  const [left, right] = [literalOf(x), literalOf(y)];
  if (left !== null) return scale(b, left, y);
  if (right !== null) return b.map("mul", y, x);
  const [minusX, minusY] = [negated(x), negated(y)];
  if (minusX !== null && minusY !== null) return b.map("mul", minusX, minusY);
  if (minusX !== null) return b.unary("neg", b.map("mul", minusX, y));
  return minusY === null ? null : b.unary("neg", b.map("mul", x, minusY));
};

const power: BinaryRewrite = (b, x, y, node) => {
  const square = (): Node => b.map("mul", x, x);
  const inverse = (n: Node): Node => b.map("div", b.constant(1), n);
  switch (literalOf(y)) {
    case 0:
      return b.broadcast(b.constant(1), node.axes);
    case 1:
      return x;
    case 2:
      return square();
    case 3:
      return b.map("mul", square(), x);
    case 4:
      return b.map("mul", square(), square());
    case 0.5:
      return b.unary("sqrt", x);
    case -0.5:
      return inverse(b.unary("sqrt", x));
    case -1:
      return inverse(x);
    case -2:
      return inverse(square());
    default:
      return null;
  }
};

const itself: BinaryRewrite = (_, x, y) => (x === y ? x : null);

const BINARY: Readonly<Record<BinaryFn, BinaryRewrite | null>> = {
  add: (b, x, y) => {
    if (isZero(y)) return x;
    if (isZero(x)) return y;
    if (x === y) return b.map("mul", b.constant(2), x);
    const [minusX, minusY] = [negated(x), negated(y)];
    if (minusY !== null) return b.map("sub", x, minusY);
    return minusX === null ? null : b.map("sub", y, minusX);
  },
  sub: (b, x, y) => {
    if (isZero(y)) return x;
    if (isZero(x)) return b.unary("neg", y);
    const minusY = negated(y);
    return minusY === null ? null : b.map("add", x, minusY);
  },
  mul: product,
  div: (b, x, y) => {
    const by = literalOf(y);
    if (by !== null && by !== 0 && isZero(x)) return x;
    if (by === 1) return x;
    return by !== null && isPowerOfTwo(by) ? b.map("mul", b.constant(1 / by), x) : null;
  },
  pow: power,
  min: itself,
  max: itself,
  less: null,
  equal: null,
};

const binary: Rewrite = (b, node) => {
  if (node.op !== "map" || node.args.length !== 2) return null;
  const [x, y] = node.args;
  if (x === undefined || y === undefined) return null;
  return BINARY[node.fn as BinaryFn]?.(b, x, y, node) ?? null;
};

const negation: Rewrite = (b, node) => {
  const x = negated(node);
  if (x === null) return null;
  if (isZero(x)) return x;
  const inner = negated(x);
  if (inner !== null) return inner;
  const [factor, rest] = isFn(x, "mul") ? x.args : [];
  const value = factor === undefined ? null : literalOf(factor);
  return value === null || rest === undefined ? null : b.map("mul", b.constant(-value), rest);
};

const choice: Rewrite = (_, node) => {
  if (!isFn(node, "select")) return null;
  const [condition, then, otherwise] = node.args;
  if (condition === undefined || then === undefined || otherwise === undefined) return null;
  if (then === otherwise) return then;
  const known = literalOf(condition);
  return known === null ? null : known !== 0 ? then : otherwise;
};

/** Operations that only move values: two in a row are one. */
const movement: Rewrite = (b, node) => {
  switch (node.op) {
    case "stop":
      return node.arg;
    case "permute":
      return node.arg.op === "permute" ? b.permute(node.arg.arg, axisNames(node.axes)) : null;
    case "shift": {
      const inner = node.arg;
      return inner.op === "shift" && inner.axis === node.axis
        ? b.shift(inner.arg, node.axis, inner.by + node.by)
        : null;
    }
    case "rename": {
      const inner = node.arg;
      if (inner.op !== "rename" || inner.to !== node.from) return null;
      return inner.from === node.to ? inner.arg : b.rename(inner.arg, inner.from, node.to);
    }
    default:
      return null;
  }
};

/** Sums and products of 0 are 0. */
const nothing: Rewrite = (b, node) => {
  const empty =
    (node.op === "reduce" && isZero(node.arg)) ||
    (node.op === "contract" && (isZero(node.left) || isZero(node.right))) ||
    ((node.op === "permute" || node.op === "shift" || node.op === "rename") && isZero(node.arg)) ||
    (node.op === "scatter" && isZero(node.value));
  return empty ? b.zeros(node.axes) : null;
};

const REWRITES: readonly Rewrite[] = [fold, movement, nothing, negation, choice, binary];

/** The same outputs, computed with less. */
export const simplify = (builder: Builder, graph: Graph): Graph =>
  rewrite(builder, graph, REWRITES);
