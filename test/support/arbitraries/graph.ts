/**
 * Random well-typed graphs. A case is a few small integers, so that fast-check can shrink it; steps that do not fit what
 * is there become a tanh. Values stay of the order of 1, and functions away from where they are not defined.
 */
import fc from "fast-check";
import type { Builder } from "../../../compiler/ir/build.js";
import type { Axis, Dense, Input, Node } from "../../../compiler/ir/tensor.js";
import { sizeOf } from "../../../compiler/ir/tensor.js";
import { randomDense, randomIndices } from "../../../laws/dense.js";

export interface GraphCase {
  readonly seed: number;
  readonly sizes: { readonly [axis: string]: number };
  readonly steps: readonly { readonly kind: number; readonly pick: readonly number[] }[];
}

export const graphCase = (most = 7): fc.Arbitrary<GraphCase> => {
  const size = fc.constantFrom(1, 2, 3, 5, 7);
  return fc.record({
    seed: fc.nat(1_000_000),
    sizes: fc.record({ window: size, position: size, hidden: size, vocab: size }),
    steps: fc.array(
      fc.record({
        kind: fc.nat(STEPS.length - 1),
        pick: fc.array(fc.nat(50), { minLength: 5, maxLength: 5 }),
      }),
      { minLength: 1, maxLength: most },
    ),
  });
};

export interface GraphInputs {
  readonly f32: readonly Input[];
  readonly tokens: Input;
  readonly values: ReadonlyMap<string, Dense>;
}

const SHAPES: Readonly<Record<string, readonly string[]>> = {
  x: ["window", "position", "hidden"],
  y: ["hidden", "position"],
  z: ["vocab", "hidden"],
  s: ["hidden"],
  t: ["window", "position", "vocab"],
};

const axesOf = (graph: GraphCase, names: readonly string[]): Axis[] =>
  names.map((name) => ({ name, size: graph.sizes[name] ?? 1 }));

export const graphInputs = (b: Builder, graph: GraphCase): GraphInputs => {
  const values = new Map<string, Dense>();
  const f32 = Object.entries(SHAPES).map(([name, names]) => {
    const axes = axesOf(graph, names);
    values.set(name, randomDense(name, axes, graph.seed));
    return b.input(name, axes);
  });
  const axes = axesOf(graph, ["window", "position"]);
  values.set("tokens", randomIndices("tokens", axes, graph.seed, graph.sizes.vocab ?? 1));
  return { f32, tokens: b.input("tokens", axes, "u32"), values };
};

interface Making {
  readonly b: Builder;
  readonly inputs: GraphInputs;
  readonly pool: readonly Node[];
  /** An axis that no step may sum over, shift along or rename, or "". */
  readonly keep: string;
}

type Step = (making: Making, pick: (i: number) => number) => Node | null;

const poolAt = ({ pool }: Making, i: number): Node => {
  const node = pool[i % pool.length];
  if (node === undefined) throw new Error("the pool is never empty");
  return node;
};

/** Between 0.5 and 2.5. */
const positive = (b: Builder, x: Node): Node => b.map("add", b.constant(1.5), b.unary("tanh", x));

const freeAxes = ({ keep }: Making, x: Node): readonly Axis[] =>
  x.axes.filter((a) => a.name !== keep);

const axisAt = (making: Making, x: Node, i: number): Axis | null => {
  const axes = freeAxes(making, x);
  return axes[i % Math.max(1, axes.length)] ?? null;
};

const mean = (b: Builder, x: Node, over: readonly Axis[]): Node =>
  b.map(
    "div",
    b.sum(
      x,
      over.map((a) => a.name),
    ),
    b.constant(sizeOf(over)),
  );

const binary =
  (make: (b: Builder, x: Node, y: Node) => Node): Step =>
  (m, pick) =>
    make(m.b, poolAt(m, pick(0)), poolAt(m, pick(1)));

const unary =
  (make: (b: Builder, x: Node) => Node): Step =>
  (m, pick) =>
    make(m.b, poolAt(m, pick(0)));

const attention: Step = (m, pick) => {
  const { b } = m;
  const [x, y] = m.inputs.f32;
  if (x === undefined || y === undefined) return null;
  const spread = (n: Node): Node =>
    mean(
      b,
      n,
      n.axes.filter((a) => a.name === "vocab"),
    );
  const q = b.map("add", x, spread(poolAt(m, pick(0))));
  const shared = pick(1) % 2 === 0 ? y : x;
  const k = b.map("mul", shared, b.constant(0.7));
  const v = pick(2) % 2 === 0 ? b.map("add", x, b.constant(0.1)) : shared;
  if (q.axes.length > 3) return null;
  const cap = pick(3) % 2 === 0 ? null : 0.7;
  const within = pick(4) % 2 === 0 ? null : 2;
  const rule = { position: "position", dim: "hidden", scale: 0.8, cap, within };
  return b.attention({ part: "out", ...rule, q, k, v });
};

const STEPS: readonly Step[] = [
  binary((b, x, y) => b.map("add", x, y)),
  binary((b, x, y) => b.map("sub", x, y)),
  binary((b, x, y) => b.map("mul", x, y)),
  binary((b, x, y) => b.map("div", x, positive(b, y))),
  binary((b, x, y) => b.map("pow", positive(b, x), y)),
  binary((b, x, y) => b.map("max", x, y)),
  binary((b, x, y) => b.map("min", x, y)),
  binary((b, x, y) => b.select(b.map("less", x, y), b.unary("exp", b.unary("tanh", x)), y)),
  unary((b, x) => b.map("pow", x, b.constant(2))),
  unary((b, x) => b.map("pow", x, b.constant(3))),
  unary((b, x) => b.unary("neg", b.unary("cos", x))),
  unary((b, x) => b.unary("sqrt", positive(b, x))),
  unary((b, x) => b.unary("log", positive(b, x))),
  unary((b, x) => b.unary("sin", b.unary("abs", x))),
  unary((b, x) => b.unary("erf", x)),
  unary((b, x) => b.map("mul", b.constant(0), x)),
  (m, pick) => {
    const x = poolAt(m, pick(0));
    const over = freeAxes(m, x).filter((_, i) => (pick(1) >> i) % 2 === 0);
    return over.length === 0 ? null : mean(m.b, x, over);
  },
  (m, pick) => {
    const x = poolAt(m, pick(0));
    const axis = axisAt(m, x, pick(1));
    return axis === null ? null : m.b.reduce("max", x, [axis.name]);
  },
  (m, pick) => {
    const [x, y] = [poolAt(m, pick(0)), poolAt(m, pick(1))];
    const shared = freeAxes(m, x).filter((a) => y.axes.some((other) => other.name === a.name));
    const over = shared.filter((_, i) => (pick(2) >> i) % 3 !== 1);
    if (over.length === 0) return null;
    const product = m.b.contract(
      x,
      y,
      over.map((a) => a.name),
    );
    return m.b.map("div", product, m.b.constant(sizeOf(over)));
  },
  (m, pick) => {
    const tables = m.pool.filter((n) => n.axes.some((a) => a.name === "vocab"));
    const table = tables[pick(0) % Math.max(1, tables.length)];
    return table === undefined ? null : m.b.gather(table, m.inputs.tokens, "vocab");
  },
  (m, pick) => {
    const x = poolAt(m, pick(0));
    const axis = axisAt(m, x, pick(1));
    return axis === null ? null : m.b.shift(x, axis.name, pick(2));
  },
  (m, pick) => {
    const x = poolAt(m, pick(0));
    const axis = axisAt(m, x, pick(1));
    const to = axis === null ? "" : `${axis.name}2`;
    if (axis === null || x.axes.some((a) => a.name === to)) return null;
    return m.b.rename(x, axis.name, to);
  },
  (m, pick) => {
    const x = poolAt(m, pick(0));
    const by = pick(1) % Math.max(1, x.axes.length);
    const names = x.axes.map((a) => a.name);
    return m.b.permute(x, [...names.slice(by), ...names.slice(0, by)]);
  },
  attention,
];

/** Random values over the inputs, the last the most derived. `keep` stays an axis to work along place by place. */
export const graphNodes = (
  b: Builder,
  inputs: GraphInputs,
  graph: GraphCase,
  keep = "",
): readonly Node[] => {
  const pool: Node[] = [...inputs.f32];
  for (const { kind, pick } of graph.steps) {
    const making = { b, inputs, pool, keep };
    const made = STEPS[kind]?.(making, (i) => pick[i] ?? 0) ?? null;
    const node = made ?? b.unary("tanh", poolAt(making, pick[0] ?? 0));
    const small = sizeOf(node.axes) <= 5000;
    pool.push(
      small
        ? node
        : mean(
            b,
            node,
            freeAxes(making, node).filter((a) => a.size > 1),
          ),
    );
  }
  return pool.slice(inputs.f32.length);
};

/** A value without axes that depends on every made node. */
export const lossOf = (b: Builder, nodes: readonly Node[]): Node =>
  nodes.reduce<Node>(
    (loss, node, i) =>
      b.map("add", loss, b.map("mul", b.constant(1 / (i + 1)), mean(b, node, node.axes))),
    b.constant(0),
  );
