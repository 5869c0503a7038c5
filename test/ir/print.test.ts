/** The text of a small layer with its gradient, and what it costs. */
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { graphFlops, nodeFlops } from "../../compiler/ir/cost.js";
import { printGraph } from "../../compiler/ir/print.js";
import type { Axis, Graph, Node } from "../../compiler/ir/tensor.js";
import { differentiate } from "../../compiler/passes/differentiate.js";
import { simplify } from "../../compiler/passes/simplify.js";

const axis = (name: string, size: number): Axis => ({ name, size });
const [W, P, H, V] = [axis("window", 2), axis("position", 4), axis("hidden", 3), axis("vocab", 5)];

const layer = (b: Builder): Graph => {
  const tokens = b.input("tokens", [W, P], "u32");
  const embed = b.input("embed", [V, H]);
  const query = b.input("query", [axis("dim", 3), H]);
  const x = b.gather(embed, tokens, "vocab");
  const q = b.shift(b.contract(x, query, ["hidden"]), "dim", 1);
  const a = b.attention({
    part: "out",
    position: "position",
    dim: "dim",
    scale: 0.5,
    q,
    k: q,
    v: q,
  });
  const logits = b.contract(b.rename(a, "dim", "hidden"), embed, ["hidden"]);
  const shifted = b.map("sub", logits, b.stop(b.reduce("max", logits, ["vocab"])));
  const norm = b.unary("log", b.sum(b.unary("exp", shifted), ["vocab"]));
  const picked = b.gather(b.map("sub", shifted, norm), tokens, "vocab");
  const loss = b.unary("neg", b.map("div", b.sum(picked, ["window", "position"]), b.constant(8)));
  const outputs: Record<string, Node> = { loss };
  for (const [input, gradient] of differentiate(b, loss, [embed, query]))
    outputs[input.op === "input" ? `d ${input.name}` : ""] = gradient;
  return simplify(b, { outputs });
};

test("a layer and its gradient", async () => {
  await expect(printGraph(layer(new Builder()))).toMatchFileSnapshot("../golden/ir/layer.txt");
});

test("a builder's history does not show", () => {
  const b = new Builder();
  b.sum(b.map("mul", b.input("other", [W]), b.constant(7)), ["window"]);
  expect(printGraph(layer(b))).toBe(printGraph(layer(new Builder())));
});

test("costs", () => {
  const b = new Builder();
  const x = b.input("x", [W, P, H]);
  const y = b.input("y", [V, H]);
  const product = b.contract(x, y, ["hidden"]);
  expect(nodeFlops(product)).toBe(2 * 2 * 4 * 5 * 3);
  expect(nodeFlops(b.contract(x, x, ["position", "hidden"]))).toBe(2 * 2 * 4 * 3);
  expect(nodeFlops(b.map("add", x, y))).toBe(2 * 4 * 3 * 5);
  expect(nodeFlops(b.sum(x, ["hidden"]))).toBe(24);
  expect(nodeFlops(b.permute(x, ["hidden", "window", "position"]))).toBe(0);
  const spec = { position: "position", dim: "hidden", scale: 1, q: x, k: x, v: x } as const;
  const out = b.attention({ ...spec, part: "out" });
  const lse = b.attention({ ...spec, part: "lse" });
  expect(nodeFlops(out)).toBe(2 * (2 * 2 * 4 * 4 * 3));
  expect(graphFlops({ outputs: { out, lse, product, again: product } })).toBe(
    nodeFlops(out) + nodeFlops(product),
  );
});
