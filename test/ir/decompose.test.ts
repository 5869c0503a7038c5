/** The law of splitting: batches added up, then finished, give the whole; and what cannot be split says why. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Axis, Dense, Graph, Node } from "../../compiler/ir/tensor.js";
import { decompose } from "../../compiler/passes/decompose.js";
import { differentiate } from "../../compiler/passes/differentiate.js";
import { simplify } from "../../compiler/passes/simplify.js";
import { inBatches, split } from "../../laws/batches.js";
import { distance, randomDense } from "../../laws/dense.js";
import { graphCase, graphInputs, graphNodes } from "../support/arbitraries/graph.js";

type Inputs = ReadonlyMap<string, Dense>;

const expectSame = (graph: Graph, inputs: Inputs, total: number, batch: number): void => {
  const whole = interpret(graph, inputs);
  const pieces = inBatches(graph, inputs, total, batch);
  expect(Object.keys(pieces)).toEqual(Object.keys(whole));
  for (const [name, dense] of Object.entries(whole))
    expect(distance(pieces[name] ?? dense, dense), name).toBeLessThan(1e-11);
};

/** Statistics of a value over windows, each a function of sums. */
const statistics = (b: Builder, node: Node, total: number): Record<string, Node> => {
  const names = node.axes.map((a) => a.name);
  if (!names.includes("window")) return { still: b.unary("tanh", node) };
  const mean = (x: Node): Node => b.map("div", b.sum(x, ["window"]), b.constant(total));
  const square = b.map("mul", node, node);
  const variance = b.map("sub", mean(square), b.map("mul", mean(node), mean(node)));
  return {
    l2: b.unary("sqrt", b.map("add", b.constant(1), b.sum(square, names))),
    variance,
    contraction: b.unary("tanh", b.contract(node, node, ["window"])),
    permuted: b.sum(
      b.permute(b.sum(node, ["window"]), names.filter((n) => n !== "window").reverse()),
      names.filter((n) => n !== "window").slice(0, 1),
    ),
  };
};

test("random statistics of random graphs", () => {
  fc.assert(
    fc.property(graphCase(), fc.integer({ min: 1, max: 9 }), (graph, batch) => {
      const b = new Builder();
      const made = graphInputs(b, graph);
      const total = graph.sizes.window ?? 1;
      const last = graphNodes(b, made, graph, "window").at(-1);
      if (last === undefined) throw new Error("no node");
      const outputs = statistics(b, last, total);
      expectSame({ outputs }, made.values, total, batch);
      expectSame(simplify(b, { outputs }), made.values, total, batch);
    }),
    { numRuns: 150 },
  );
});

const axis = (name: string, size: number): Axis => ({ name, size });
const [W, P, H, V] = [axis("window", 6), axis("position", 3), axis("hidden", 2), axis("vocab", 5)];

describe("what is cut", () => {
  const b = new Builder();
  const x = b.input("x", [W, P, H]);
  const table = b.input("table", [V, H]);
  const tokens = b.input("tokens", [W, P], "u32");

  test("a sum over what a sum leaves makes the accumulator small", () => {
    const outer = b.sum(b.sum(x, ["window"]), ["position"]);
    const { accumulators } = split({ outputs: { mean: b.map("div", outer, b.constant(6)) } }, 6, 4);
    expect(accumulators).toEqual([{ name: "acc0", axes: [H] }]);
  });

  test("equal sums share an accumulator", () => {
    const sum = b.sum(x, ["window", "position"]);
    const outputs = { a: b.unary("exp", sum), b: b.unary("sqrt", sum) };
    expect(split({ outputs }, 6, 4).accumulators).toHaveLength(1);
  });

  test("an output that no window reaches needs none", () => {
    const parts = split({ outputs: { norm: b.sum(table, ["hidden"]) } }, 6, 4, b);
    expect(parts.accumulators).toEqual([]);
    expect(parts.finish.outputs.norm).toBe(b.sum(table, ["hidden"]));
  });

  test("gradients split too: contractions and scatters over windows", () => {
    const loss = b.sum(b.map("mul", x, b.gather(table, tokens, "vocab")), [
      "window",
      "position",
      "hidden",
    ]);
    const gradient = differentiate(b, loss, [table]).get(table);
    if (gradient === undefined) throw new Error("no gradient");
    const inputs: Inputs = new Map<string, Dense>([
      ["x", randomDense("x", x.axes, 1)],
      ["table", randomDense("table", table.axes, 1)],
      [
        "tokens",
        { axes: tokens.axes, data: Float64Array.from({ length: 18 }, (_, i) => (i * i) % 5) },
      ],
    ]);
    for (const batch of [1, 4, 6, 10])
      expectSame({ outputs: { loss, gradient } }, inputs, 6, batch);
  });

  test("a value spread along the windows counts once a window", () => {
    const spread = b.broadcast(b.sum(table, ["vocab"]), [W, H]);
    const inputs: Inputs = new Map([["table", randomDense("table", table.axes, 1)]]);
    expectSame({ outputs: { out: b.sum(spread, ["window"]) } }, inputs, 6, 4);
  });
});

describe("what cannot be split", () => {
  const b = new Builder();
  const x = b.input("x", [W, P, H]);
  const summed = b.sum(x, ["window"]);
  const k = b.input("k", [W, H]);
  const cases: readonly (readonly [string, Node, RegExp])[] = [
    [
      "a sum that needs a sum",
      b.sum(b.unary("exp", b.map("sub", x, summed)), ["window"]),
      /together with a sum/,
    ],
    [
      "a contraction that needs a sum",
      b.contract(b.map("mul", x, summed), k, ["window"]),
      /together with a sum/,
    ],
    ["a maximum", b.reduce("max", x, ["window", "position"]), /maximum over window/],
    ["an output along the windows", b.unary("exp", x), /still goes along window/],
    ["an index", b.sum(b.map("mul", x, b.index(W)), ["window"]), /index along window/],
    ["a sum of an index", b.sum(b.index(W), ["window"]), /index along window/],
    ["a shift", b.sum(b.shift(x, "window", 1), ["window"]), /crosses batches/],
    ["a renamed axis", b.sum(b.rename(x, "window", "row"), ["row"]), /renamed/],
    ["a selection", b.gather(k, b.input("rows", [P], "u32"), "window"), /crosses batches/],
    ["another size", b.sum(b.input("other", [axis("window", 5)]), ["window"]), /size 5, not 6/],
    [
      "attention along windows",
      b.sum(
        b.attention({ part: "out", position: "window", dim: "hidden", scale: 1, q: k, k, v: k }),
        ["window"],
      ),
      /attention along window/,
    ],
  ];
  test.each(cases)("%s", (_, node, reason) => {
    const parts = decompose({ outputs: { out: node } }, "window", 6, 2);
    expect(parts).toMatchObject({ failure: expect.stringMatching(reason) });
  });
});
