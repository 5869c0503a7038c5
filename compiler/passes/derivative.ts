/** Symbolic derivatives of the elementwise functions: what a change of argument `i` does to the value, times `g`. */
import type { Builder } from "../ir/build.js";
import { constantOf } from "../ir/scalar.js";
import type { MapFn, MapNode, Node } from "../ir/tensor.js";

/** g · ∂node/∂argument i, or null where that is 0 everywhere it exists. */
type Derivative = (b: Builder, node: MapNode, g: Node, i: number) => Node | null;

const arg = (node: MapNode, i: number): Node => {
  const found = node.args[i];
  if (found === undefined) throw new Error(`${node.fn} lacks argument ${i}`);
  return found;
};

const none: Derivative = () => null;

/** The side with the extreme value takes all; equal sides take half each. */
const extreme =
  (fn: "min" | "max"): Derivative =>
  (b, node, g, i) => {
    const [mine, other] = [arg(node, i), arg(node, 1 - i)];
    const wins = fn === "max" ? b.map("less", other, mine) : b.map("less", mine, other);
    const tie = b.map("mul", b.constant(0.5), b.map("equal", mine, other));
    return b.map("mul", g, b.map("add", wins, tie));
  };

/** A constant exponent needs no logarithm, so negative bases stay legal. */
const power: Derivative = (b, node, g, i) => {
  const [base, exponent] = [arg(node, 0), arg(node, 1)];
  if (i === 1) {
    // x^y · log x → 0 as x → 0+, and below 0 there is no derivative.
    const positive = b.select(b.map("less", b.constant(0), base), base, b.constant(1));
    return b.map("mul", g, b.map("mul", node, b.unary("log", positive)));
  }
  const known = constantOf(exponent);
  if (known === 0) return null;
  if (known === 1) return g;
  if (known === 2) return b.map("mul", g, b.map("mul", b.constant(2), base));
  const less = known === null ? b.map("sub", exponent, b.constant(1)) : b.constant(known - 1);
  const slope = b.map(
    "mul",
    known === null ? exponent : b.constant(known),
    b.map("pow", base, less),
  );
  return b.map("mul", g, slope);
};

const DERIVATIVES: Readonly<Record<MapFn, Derivative>> = {
  neg: (b, _, g) => b.unary("neg", g),
  exp: (b, node, g) => b.map("mul", g, node),
  log: (b, node, g) => b.map("div", g, arg(node, 0)),
  sqrt: (b, node, g) => b.map("div", g, b.map("mul", b.constant(2), node)),
  abs: (b, node, g) => {
    const [x, zero] = [arg(node, 0), b.constant(0)];
    return b.map("mul", g, b.map("sub", b.map("less", zero, x), b.map("less", x, zero)));
  },
  sin: (b, node, g) => b.map("mul", g, b.unary("cos", arg(node, 0))),
  cos: (b, node, g) => b.unary("neg", b.map("mul", g, b.unary("sin", arg(node, 0)))),
  tanh: (b, node, g) => b.map("mul", g, b.map("sub", b.constant(1), b.map("mul", node, node))),
  // 2/√π · exp(−x²)
  erf: (b, node, g) => {
    const bell = b.unary("exp", b.unary("neg", b.map("mul", arg(node, 0), arg(node, 0))));
    return b.map("mul", g, b.map("mul", b.constant(2 / Math.sqrt(Math.PI)), bell));
  },
  floor: none,
  not: none,
  add: (_, __, g) => g,
  sub: (b, _, g, i) => (i === 0 ? g : b.unary("neg", g)),
  mul: (b, node, g, i) => b.map("mul", g, arg(node, 1 - i)),
  div: (b, node, g, i) => {
    const byDivisor = (n: Node): Node => b.map("div", n, arg(node, 1));
    return i === 0 ? byDivisor(g) : b.unary("neg", byDivisor(b.map("mul", g, node)));
  },
  pow: power,
  min: extreme("min"),
  max: extreme("max"),
  less: none,
  equal: none,
  select: (b, node, g, i) => {
    const [condition, zero] = [arg(node, 0), b.constant(0)];
    if (i === 0) return null;
    return i === 1 ? b.select(condition, g, zero) : b.select(condition, zero, g);
  },
};

export const derivative: Derivative = (b, node, g, i) => DERIVATIVES[node.fn](b, node, g, i);
