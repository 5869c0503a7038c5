/** Simplification keeps values and axes, leaves nothing to do, and does what its table says. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Axis, Node } from "../../compiler/ir/tensor.js";
import { nodesOf } from "../../compiler/ir/traverse.js";
import { verify } from "../../compiler/ir/verify.js";
import { differentiate } from "../../compiler/passes/differentiate.js";
import { simplify } from "../../compiler/passes/simplify.js";
import { distance } from "../../laws/dense.js";
import { graphCase, graphInputs, graphNodes, lossOf } from "../support/arbitraries/graph.js";

test("values, axes and legality stay; a second time changes nothing", () => {
  fc.assert(
    fc.property(graphCase(), (graph) => {
      const b = new Builder();
      const made = graphInputs(b, graph);
      const nodes = graphNodes(b, made, graph);
      const loss = lossOf(b, nodes);
      const outputs: Record<string, Node> = { loss };
      for (const [i, node] of nodes.entries()) outputs[`node${i}`] = b.stop(node);
      for (const [input, gradient] of differentiate(b, loss, made.f32))
        outputs[input.op === "input" ? `d ${input.name}` : ""] = gradient;
      const simple = simplify(b, { outputs });
      expect(verify(simple, "lowered")).toEqual([]);
      const [before, after] = [interpret({ outputs }, made.values), interpret(simple, made.values)];
      expect(Object.keys(after)).toEqual(Object.keys(before));
      for (const [name, dense] of Object.entries(before))
        expect(distance(after[name] ?? dense, dense), name).toBeLessThan(1e-11);
      expect(simplify(b, simple).outputs).toEqual(simple.outputs);
    }),
    { numRuns: 200 },
  );
});

const b = new Builder();
const W: Axis = { name: "window", size: 2 };
const H: Axis = { name: "hidden", size: 3 };
const x = b.input("x", [W, H]);
const y = b.input("y", [H]);
const n = (value: number): Node => b.constant(value);
const zero = b.zeros([W, H]);

const table: readonly (readonly [string, Node, Node])[] = [
  ["x + 0", b.map("add", x, n(0)), x],
  ["0 + x", b.map("add", n(0), x), x],
  ["x + zeros", b.map("add", x, b.zeros([H])), x],
  ["x - 0", b.map("sub", x, n(0)), x],
  ["0 - x", b.map("sub", n(0), x), b.unary("neg", x)],
  ["x + x", b.map("add", x, x), b.map("mul", n(2), x)],
  ["x + -y", b.map("add", x, b.unary("neg", y)), b.map("sub", x, y)],
  [
    "-y + x",
    b.map("add", b.unary("neg", y), x),
    b.permute(b.map("sub", x, y), ["hidden", "window"]),
  ],
  ["x - -y", b.map("sub", x, b.unary("neg", y)), b.map("add", x, y)],
  ["x · 1", b.map("mul", x, n(1)), x],
  ["1 · x", b.map("mul", n(1), x), x],
  ["-1 · x", b.map("mul", n(-1), x), b.unary("neg", x)],
  ["x · 0", b.map("mul", x, n(0)), zero],
  ["2 · (x · 3)", b.map("mul", n(2), b.map("mul", x, n(3))), b.map("mul", n(6), x)],
  ["-x · -y", b.map("mul", b.unary("neg", x), b.unary("neg", y)), b.map("mul", x, y)],
  ["-(-x)", b.unary("neg", b.unary("neg", x)), x],
  ["-(2 · x)", b.unary("neg", b.map("mul", n(2), x)), b.map("mul", n(-2), x)],
  ["x / 1", b.map("div", x, n(1)), x],
  ["x / 8", b.map("div", x, n(8)), b.map("mul", n(0.125), x)],
  ["x / 3", b.map("div", x, n(3)), b.map("div", x, n(3))],
  ["x ^ 0", b.map("pow", x, n(0)), b.broadcast(n(1), [W, H])],
  ["x ^ 1", b.map("pow", x, n(1)), x],
  ["x ^ 2", b.map("pow", x, n(2)), b.map("mul", x, x)],
  ["x ^ (1 + 1)", b.map("pow", x, b.map("add", n(1), n(1))), b.map("mul", x, x)],
  ["x ^ 0.5", b.map("pow", x, n(0.5)), b.unary("sqrt", x)],
  ["literals", b.map("mul", n(3), b.unary("exp", n(0))), n(3)],
  ["literals that are not finite", b.map("div", n(1), n(0)), b.map("div", n(1), n(0))],
  ["select of a literal", b.select(n(1), x, n(2)), x],
  ["select of a literal lacking axes", b.select(n(0), x, y), b.select(n(0), x, y)],
  ["select of the same", b.select(b.map("less", x, y), x, x), x],
  ["max(x, x)", b.map("max", x, x), x],
  ["permute of permute", b.permute(b.permute(x, ["hidden", "window"]), ["window", "hidden"]), x],
  ["shift of shift", b.shift(b.shift(x, "hidden", 1), "hidden", 2), x],
  ["rename there and back", b.rename(b.rename(x, "hidden", "h"), "h", "hidden"), x],
  ["stop", b.map("add", b.stop(x), y), b.map("add", x, y)],
  ["a sum of nothing", b.sum(b.map("mul", x, n(0)), ["window"]), b.zeros([H])],
  ["a product with nothing", b.contract(zero, y, ["hidden"]), b.zeros([W])],
];

describe("the table", () => {
  test.each(table)("%s", (_, from, to) => {
    const { out } = simplify(b, { outputs: { out: from } }).outputs;
    expect(out).toBe(to);
  });
});

test("nothing of what is not reachable stays", () => {
  const gradient = differentiate(b, b.sum(b.map("mul", x, y), ["window", "hidden"]), [y]).get(y);
  if (gradient === undefined) throw new Error("no gradient");
  const simple = simplify(b, { outputs: { gradient } });
  expect(nodesOf(simple).map((node) => node.op)).toEqual(["input", "reduce"]);
});
