/** Picking early gives what picking at the end gives, and computes less. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { graphFlops } from "../../compiler/ir/cost.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Dense, Node } from "../../compiler/ir/tensor.js";
import { sizeOf } from "../../compiler/ir/tensor.js";
import { nodesOf } from "../../compiler/ir/traverse.js";
import { verify } from "../../compiler/ir/verify.js";
import { pick } from "../../compiler/passes/pick.js";
import { at, distance, fill, randomIndices } from "../../laws/dense.js";
import { graphCase, graphInputs, graphNodes } from "../support/arbitraries/graph.js";

/** The places of `like`'s axes in the order that they have there. */
const inOrder = (dense: Dense, like: Dense): Dense => fill(like.axes, (place) => at(dense, place));

test("values are those picked from the whole", () => {
  fc.assert(
    fc.property(graphCase(), (graph) => {
      const b = new Builder();
      const made = graphInputs(b, graph);
      const window = { name: "window", size: graph.sizes.window ?? 1 };
      const places = b.input("places", [window], "u32");
      const chosen = randomIndices("places", [window], graph.seed, graph.sizes.position ?? 1);
      const values = new Map(made.values).set("places", chosen);
      const outputs: Record<string, Node> = {};
      for (const [i, node] of graphNodes(b, made, graph).entries())
        if (node.axes.some(({ name }) => name === "position")) outputs[`node${i}`] = node;
      const late = Object.entries(outputs).map(
        ([name, node]) => [name, b.gather(node, places, "position")] as const,
      );
      const early = pick(b, { outputs }, "position", places);
      expect(verify(early, "built")).toEqual([]);
      const expected = interpret({ outputs: Object.fromEntries(late) }, values);
      const found = interpret(early, values);
      for (const [name, dense] of Object.entries(expected)) {
        const value = found[name];
        expect(value === undefined ? Number.NaN : sizeOf(value.axes)).toBe(sizeOf(dense.axes));
        expect(distance(inOrder(value ?? dense, dense), dense), name).toBeLessThan(1e-11);
      }
    }),
    { numRuns: 150 },
  );
});

test("what follows attention is computed for the picked place alone, what comes before it for all", () => {
  const b = new Builder();
  const [window, position] = [
    { name: "window", size: 1 },
    { name: "position", size: 64 },
  ];
  const [dim, vocab] = [
    { name: "dim", size: 8 },
    { name: "vocab", size: 100 },
  ];
  const x = b.input("x", [window, position, dim]);
  const scaled = b.map("mul", b.constant(2), x);
  const a = b.attention({
    part: "out",
    position: "position",
    dim: "dim",
    scale: 1,
    q: scaled,
    k: scaled,
    v: x,
  });
  const logits = b.contract(b.map("add", a, scaled), b.input("table", [vocab, dim]), ["dim"]);
  const places = b.input("places", [window], "u32");
  const early = pick(b, { outputs: { logits } }, "position", places);
  const products = nodesOf(early).filter((node) => node.op === "contract");
  expect(products.map((node) => sizeOf(node.axes))).toEqual([100]);
  const picks = nodesOf(early).filter((node) => node.op === "gather");
  expect(picks.map((node) => node.table)).toHaveLength(2);
  for (const of of [scaled, a]) expect(picks.some((node) => node.table === of)).toBe(true);
  expect(graphFlops(early)).toBeLessThan(graphFlops({ outputs: { logits } }) - 63 * 100 * 8);
});
