/** Gradients against central differences in float64, along random directions. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Axis, Dense, Input, Node } from "../../compiler/ir/tensor.js";
import { verify } from "../../compiler/ir/verify.js";
import { differentiate, NotDifferentiable } from "../../compiler/passes/differentiate.js";
import { simplify } from "../../compiler/passes/simplify.js";
import { slope } from "../../laws/central-difference.js";
import { distance, randomDense, randomIndices } from "../../laws/dense.js";
import { graphCase, graphInputs, graphNodes, lossOf } from "../support/arbitraries/graph.js";

type Inputs = ReadonlyMap<string, Dense>;

/** How many of `wrt` were compared; throws where gradient and difference differ. */
const check = (b: Builder, loss: Node, wrt: readonly Input[], inputs: Inputs): number => {
  const gradients = differentiate(b, loss, wrt);
  let compared = 0;
  for (const input of wrt) {
    const gradient = gradients.get(input);
    if (gradient === undefined) throw new Error(`no gradient of ${input.name}`);
    expect(gradient.axes).toEqual(input.axes);
    expect(verify({ outputs: { gradient } }, "differentiated")).toEqual([]);
    const raw = interpret({ outputs: { gradient } }, inputs).gradient;
    const simple = interpret(simplify(b, { outputs: { gradient } }), inputs).gradient;
    if (raw === undefined || simple === undefined) throw new Error("no value");
    expect(distance(raw, simple)).toBeLessThan(1e-11);
    const direction = randomDense(`direction ${input.name}`, input.axes, 17);
    const expected = slope(loss, inputs, new Map([[input.name, direction]]));
    if (expected === null) continue;
    const product = raw.data.reduce((sum, g, i) => sum + g * (direction.data[i] ?? 0), 0);
    const gap = Math.abs(product - expected) / Math.max(1, Math.abs(expected));
    expect(gap, `${input.name}: ${product}, by difference ${expected}`).toBeLessThan(2e-7);
    compared++;
  }
  return compared;
};

const axis = (name: string, size: number): Axis => ({ name, size });
const [P, H, V, W] = [axis("position", 5), axis("hidden", 3), axis("vocab", 7), axis("window", 2)];

const b = new Builder();
const x = b.input("x", [W, P, H]);
const y = b.input("y", [H, P]);
const w = b.input("w", [V, H]);
const logits = b.input("logits", [W, P, V]);
const tokens = b.input("tokens", [W, P], "u32");
const kept = b.input("kept", [axis("hidden", 2)], "u32");
const inputs: Inputs = new Map<string, Dense>([
  ...[x, y, w, logits].map((n) => [n.name, randomDense(n.name, n.axes, 23)] as const),
  ["tokens", randomIndices("tokens", tokens.axes, 23, V.size)],
  ["kept", { axes: kept.axes, data: Float64Array.of(2, 0) }],
]);

/** A sum whose every place counts differently. */
const weighed = (node: Node): Node => {
  const phase = node.axes.reduce<Node>(
    (sum, a, i) => b.map("add", sum, b.map("mul", b.constant(0.37 + 0.21 * i), b.index(a))),
    b.constant(0.3),
  );
  return b.sum(
    b.map("mul", b.unary("cos", phase), node),
    node.axes.map((a) => a.name),
  );
};
const plus = (n: Node): Node => b.map("add", n, b.constant(1.5));

const operations: readonly (readonly [string, Node, readonly Input[]])[] = [
  ...(["neg", "exp", "abs", "sin", "cos", "tanh", "erf"] as const).map(
    (fn) => [fn, b.unary(fn, x), [x]] as const,
  ),
  ["log", b.unary("log", plus(x)), [x]],
  ["sqrt", b.unary("sqrt", plus(x)), [x]],
  ...(["add", "sub", "mul", "min", "max"] as const).map(
    (fn) => [fn, b.binary(fn, x, y), [x, y]] as const,
  ),
  ["div", b.map("div", x, plus(y)), [x, y]],
  ["pow of two tensors", b.map("pow", plus(x), y), [x, y]],
  ...[-1, -0.5, 0, 0.5, 1, 2, 3, 2.5].map(
    (e) => [`pow ${e}`, b.map("pow", plus(x), b.constant(e)), [x]] as const,
  ),
  ["pow of negative bases", b.map("pow", x, b.constant(3)), [x]],
  ["pow of a constant", b.map("pow", b.constant(2.5), x), [x]],
  ["select", b.select(b.map("less", x, y), b.map("mul", x, x), w), [x, y, w]],
  ["x · x", b.map("mul", x, x), [x]],
  ["permute", b.permute(x, ["hidden", "window", "position"]), [x]],
  ["sum", b.unary("exp", b.sum(x, ["window", "hidden"])), [x]],
  ["sum of everything", b.sum(x, ["window", "position", "hidden"]), [x]],
  ["sum of a broadcast", b.sum(b.map("add", y, w), ["vocab", "position"]), [y, w]],
  ["max", b.reduce("max", x, ["hidden", "window"]), [x]],
  ["a matrix product", b.contract(x, w, ["hidden"]), [x, w]],
  ["a matrix product, weights first", b.contract(w, x, ["hidden"]), [x, w]],
  ["a contraction along batches", b.contract(x, y, ["hidden"]), [x, y]],
  ["a contraction with itself", b.contract(x, x, ["hidden"]), [x]],
  ["an outer product", b.contract(y, w, []), [y, w]],
  ["a summed product", b.sum(b.contract(x, w, ["hidden"]), ["vocab", "window"]), [x, w]],
  ["gather", b.gather(w, tokens, "vocab"), [w]],
  ["gather, another axis first", b.gather(b.permute(w, ["hidden", "vocab"]), tokens, "vocab"), [w]],
  ["gather, then a sum", b.sum(b.gather(w, tokens, "vocab"), ["position", "hidden"]), [w]],
  ["aligned gather", b.gather(logits, tokens, "vocab"), [logits]],
  ["partly aligned gather", b.gather(b.sum(logits, ["window"]), tokens, "vocab"), [logits]],
  ["gather along the indices' own axis", b.gather(w, kept, "hidden"), [w]],
  ["shift", b.shift(x, "position", 2), [x]],
  ["shift of a broadcast", b.sum(b.shift(x, "position", 2), ["position"]), [x]],
  ["rename", b.contract(b.rename(x, "position", "source"), x, ["hidden"]), [x]],
  [
    "several uses",
    b.map("mul", b.map("add", x, y), b.map("sub", x, b.contract(x, w, ["hidden"]))),
    [x, y, w],
  ],
];

describe("each operation", () => {
  test.each(operations)("%s", (_, node, wrt) => {
    const least = check(b, weighed(node), wrt, inputs);
    const bare = check(
      b,
      b.sum(
        node,
        node.axes.map((a) => a.name),
      ),
      wrt,
      inputs,
    );
    expect([least, bare]).toEqual([wrt.length, wrt.length]);
  });
});

describe("shape of the result", () => {
  test("an independent node has a gradient of zeros with its axes", () => {
    const gradient = differentiate(b, weighed(x), [w]).get(w);
    if (gradient === undefined) throw new Error("no gradient");
    expect(gradient.axes).toEqual(w.axes);
    const { out } = interpret({ outputs: { out: gradient } }, inputs);
    expect([...(out?.data ?? [])]).toEqual(Array(21).fill(0));
  });

  test("what stop and comparisons hide has none", () => {
    const hidden = b.map("mul", b.stop(x), b.map("less", x, y));
    const gradients = differentiate(b, weighed(hidden), [x, y]);
    for (const gradient of gradients.values()) {
      const { out } = interpret({ outputs: { out: gradient } }, inputs);
      expect(out?.data.every((v) => v === 0)).toBe(true);
    }
  });

  test("equal maxima share evenly", () => {
    const rows = b.map("mul", b.constant(0), x);
    const top = b.reduce("max", b.map("add", b.stop(rows), b.map("mul", x, b.constant(0))), [
      "hidden",
    ]);
    const ties = b.map("add", b.map("mul", b.constant(0), x), b.map("sub", x, b.stop(x)));
    const gradient = differentiate(b, weighed(b.reduce("max", ties, ["hidden"])), [x]).get(x);
    const upstream = differentiate(b, weighed(top), [top]).get(top);
    if (gradient === undefined || upstream === undefined) throw new Error("no gradient");
    const third = b.map("div", b.broadcast(upstream, x.axes), b.constant(3));
    const { g, t } = interpret({ outputs: { g: gradient, t: third } }, inputs);
    expect(g && t ? distance(g, t) : Number.NaN).toBeLessThan(1e-15);
    const max = differentiate(b, weighed(b.map("max", x, b.map("mul", b.constant(1), x))), [x]).get(
      x,
    );
    const one = differentiate(b, weighed(x), [x]).get(x);
    if (max === undefined || one === undefined) throw new Error("no gradient");
    const both = interpret({ outputs: { m: max, o: one } }, inputs);
    expect(both.m && both.o ? distance(both.m, both.o) : Number.NaN).toBeLessThan(1e-15);
  });

  test("a linear layer's adjoints are contractions in the operands' own order", () => {
    const loss = weighed(b.unary("tanh", b.contract(x, w, ["hidden"])));
    const gradients = differentiate(b, loss, [x, w]);
    const [dx, dw] = [gradients.get(x), gradients.get(w)];
    expect(dx).toMatchObject({ op: "contract", over: ["vocab"], right: w });
    expect(dw).toMatchObject({ op: "contract", over: ["window", "position"], right: x });
  });

  test("an operand with its contracted axis first gets the other order of factors", () => {
    const gradient = differentiate(b, weighed(b.contract(y, w, ["hidden"])), [y]).get(y);
    expect(gradient).toMatchObject({ op: "contract", over: ["vocab"], left: w, axes: [H, P] });
  });

  test("picking one entry of each row differentiates without a permutation", () => {
    const gradient = differentiate(b, weighed(b.gather(logits, tokens, "vocab")), [logits]);
    expect(gradient.get(logits)).toMatchObject({ op: "map", fn: "select" });
  });

  test("adjoints of adjoints, and vectors, are refused", () => {
    const gradient = differentiate(b, weighed(b.gather(w, tokens, "vocab")), [w]).get(w);
    if (gradient === undefined) throw new Error("no gradient");
    const again = b.sum(b.scatter(b.gather(w, tokens, "vocab"), tokens, V), ["vocab", "hidden"]);
    expect(() => differentiate(b, again, [w])).toThrow(NotDifferentiable);
    expect(() => differentiate(b, x, [x])).toThrow(/without axes/);
  });
});

test("random graphs", () => {
  let compared = 0;
  fc.assert(
    fc.property(graphCase(), (graph) => {
      const builder = new Builder();
      const made = graphInputs(builder, graph);
      const loss = lossOf(builder, graphNodes(builder, made, graph));
      expect(verify({ outputs: { loss } }, "built")).toEqual([]);
      compared += check(builder, loss, made.f32, made.values);
    }),
    { numRuns: 300 },
  );
  expect(compared).toBeGreaterThan(1000);
});
