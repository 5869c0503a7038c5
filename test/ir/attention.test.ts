/** The attention operation against the same thing composed of the other operations, with its gradient. */
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { AttentionRule, Axis, Dense, Node } from "../../compiler/ir/tensor.js";
import { differentiate } from "../../compiler/passes/differentiate.js";
import { distance, randomDense } from "../../laws/dense.js";

const axis = (name: string, size: number): Axis => ({ name, size });

type Limits = Pick<AttentionRule, "cap" | "within">;

/** Scores over a renamed axis of sources, what is not seen masked out, softmax, then the sum of values. */
const composed = (
  b: Builder,
  q: Node,
  k: Node,
  v: Node,
  scale: number,
  { cap, within }: Limits,
) => {
  const size = q.axes.find((a) => a.name === "position")?.size ?? 0;
  const keys = b.rename(k, "position", "source");
  const raw = b.map("mul", b.contract(q, keys, ["dim"]), b.constant(scale));
  const scores =
    cap === null
      ? raw
      : b.map("mul", b.unary("tanh", b.map("div", raw, b.constant(cap))), b.constant(cap));
  const [source, position] = [b.index(axis("source", size)), b.index(axis("position", size))];
  const past = b.map("less", source, b.map("add", position, b.constant(1)));
  const near = b.map("less", position, b.map("add", source, b.constant(within ?? size)));
  const masked = b.select(b.map("mul", past, near), scores, b.constant(-1e30));
  const most = b.stop(b.reduce("max", masked, ["source"]));
  const weights = b.unary("exp", b.map("sub", masked, most));
  const norm = b.sum(weights, ["source"]);
  const mixed = b.contract(weights, b.rename(v, "position", "source"), ["source"]);
  return {
    out: b.permute(
      b.map("div", mixed, norm),
      q.axes.map((a) => a.name),
    ),
    lse: b.permute(
      b.map("add", most, b.unary("log", norm)),
      q.axes.map((a) => a.name).filter((name) => name !== "dim"),
    ),
  };
};

const shapes = (
  [window, position, group, query, dim]: readonly [number, number, number, number, number],
  form: "grouped" | "plain" | "shared" | "dim first",
) => {
  const W = axis("window", window);
  const P = axis("position", position);
  const G = axis("group", group);
  const Q = axis("query", query);
  const D = axis("dim", dim);
  switch (form) {
    case "grouped":
      return { q: [W, P, G, Q, D], k: [W, P, G, D], v: [W, P, G, D] };
    case "plain":
      return { q: [W, P, G, D], k: [W, P, G, D], v: [W, P, G, D] };
    case "shared":
      return { q: [W, P, Q, D], k: [P, D], v: [W, P, D] };
    case "dim first":
      return { q: [D, W, Q, P], k: [P, W, D], v: [W, D, Q, P] };
  }
};

const forms = ["grouped", "plain", "shared", "dim first"] as const;
const sizes = [
  [2, 5, 2, 3, 4],
  [1, 1, 1, 1, 1],
  [3, 7, 1, 2, 3],
] as const;

const limits: readonly Limits[] = [
  { cap: null, within: null },
  { cap: null, within: 3 },
  { cap: 0.9, within: null },
  { cap: 0.9, within: 1 },
];

test.each(
  forms.flatMap((form) =>
    sizes.flatMap((size) => limits.map((limit) => [form, size, limit] as const)),
  ),
)("%s heads of sizes %s, %o", (form, size, limit) => {
  const b = new Builder();
  const shape = shapes(size, form);
  const operands = {
    q: b.input("q", shape.q),
    k: b.input("k", shape.k),
    v: b.input("v", shape.v),
  };
  const weight = b.input("weight", shape.q);
  const inputs = new Map<string, Dense>(
    [...Object.entries(shape), ["weight", shape.q] as const].map(([name, axes]) => [
      name,
      randomDense(name, axes, 3),
    ]),
  );
  const { q, k, v } = operands;
  const spec = { position: "position", dim: "dim", scale: 1.7, ...limit, ...operands };
  const fused = {
    out: b.attention({ ...spec, part: "out" }),
    lse: b.attention({ ...spec, part: "lse" }),
  };
  const plain = composed(b, q, k, v, 1.7, limit);
  const gradients = (out: Node): Node[] => {
    const loss = b.sum(
      b.map("mul", weight, out),
      out.axes.map((a) => a.name),
    );
    return [...differentiate(b, loss, [q, k, v]).values()];
  };
  const pairs: [Node, Node][] = [
    [fused.out, plain.out],
    [fused.lse, plain.lse],
  ];
  const [mine, theirs] = [gradients(fused.out), gradients(plain.out)];
  mine.forEach((node, i) => {
    pairs.push([node, theirs[i] ?? b.constant(Number.NaN)]);
  });
  expect(pairs).toHaveLength(5);
  for (const [left, right] of pairs) {
    const { l, r } = interpret({ outputs: { l: left, r: right } }, inputs);
    expect(l && r ? distance(l, r) : Number.NaN).toBeLessThan(1e-12);
  }
});
