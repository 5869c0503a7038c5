/** The verifier passes what builders make and names what is broken. */
import { describe, expect, test } from "vitest";
import { AxisError, Builder } from "../../compiler/ir/build.js";
import type { Axis, Contract, Graph, Input, MapNode, Node } from "../../compiler/ir/tensor.js";
import { type GraphStage, verify } from "../../compiler/ir/verify.js";

const W: Axis = { name: "window", size: 2 };
const H: Axis = { name: "hidden", size: 3 };
const V: Axis = { name: "vocab", size: 5 };
const b = new Builder();
const x = b.input("x", [W, H]);
const y = b.input("y", [H, V]);
const tokens = b.input("tokens", [W], "u32");
const product = b.contract(x, y, ["hidden"]) as Contract;
const sum = b.map("add", x, y) as MapNode;
const messages = (node: Node, stage: GraphStage = "built"): string[] =>
  verify({ outputs: { out: node } }, stage).map((problem) => problem.message);
const made = <N extends Node>(node: N, change: Partial<N>): N => ({ ...node, id: 1000, ...change });

describe("good graphs", () => {
  test("have no problems", () => {
    const gathered = b.gather(b.permute(y, ["vocab", "hidden"]), tokens, "vocab");
    const graph: Graph = { outputs: { a: product, b: sum, c: gathered, d: b.cast(tokens) } };
    expect(verify(graph, "built")).toEqual([]);
  });
});

describe("broken graphs", () => {
  const twice: Node = { ...x, id: 1000, axes: [W, W] };
  const none: Node = made(x, { axes: [{ name: "hidden", size: 0 }] });
  const loop = { ...sum, id: 1000, args: [x, x] as Node[] };
  loop.args[1] = loop as Node;
  const late = made(x, { id: 2000 });
  const cases: readonly (readonly [string, Node, RegExp])[] = [
    ["wrong axes", made(sum, { axes: [W, H] }), /has axes .* where its operands give/],
    [
      "wrong order",
      made(product, { axes: [V, W] }),
      /where its operands give \[window: 2, vocab: 5\]/,
    ],
    ["a missing axis", made(product, { over: ["vocab"] }), /no axis vocab/],
    [
      "sizes that differ",
      made(sum, {
        args: [x, made(y, { id: 900, axes: [{ name: "hidden", size: 4 }] } as Partial<Node>)],
      }),
      /size 3 on one side and 4/,
    ],
    ["an axis twice", twice, /occurs twice/],
    ["an empty axis", none, /size 0/],
    [
      "integers in arithmetic",
      made(sum, { args: [x, tokens], axes: [W, H] }),
      /map reads integers/,
    ],
    ["too few arguments", made(sum, { args: [x], axes: [W, H] }), /takes 2 arguments, not 1/],
    [
      "an operand that comes later",
      made(sum, { args: [x, late], axes: [W, H] }),
      /does not come before/,
    ],
    ["a circle", loop as Node, /does not come before/],
    [
      "a cast of floats",
      { op: "cast", id: 1000, arg: x as Input, axes: x.axes },
      /reads what is no integer/,
    ],
    [
      "a shift too far",
      { op: "shift", id: 1000, arg: x, axis: "hidden", by: 3, axes: x.axes },
      /shift by 3/,
    ],
    ["equal ids", made(sum, { args: [x, made(y, { id: x.id } as Partial<Node>)] }), /shares id/],
  ];
  test.each(cases)("%s", (_, node, message) => {
    expect(messages(node).join("\n")).toMatch(message);
  });
});

describe("stages", () => {
  const scattered = b.scatter(x, tokens, V);
  test("adjoints come with differentiation", () => {
    expect(messages(scattered, "built").join()).toMatch(/before differentiation/);
    expect(messages(scattered, "differentiated")).toEqual([]);
  });
  test("stop goes before lowering", () => {
    expect(messages(b.stop(x), "differentiated")).toEqual([]);
    expect(messages(b.stop(x), "lowered").join()).toMatch(/stop/);
  });
});

describe("the builder", () => {
  test("gives equal nodes once, and tells others apart", () => {
    expect(b.contract(x, y, ["hidden"])).toBe(product);
    expect(b.sum(x, ["hidden", "window"])).toBe(b.sum(x, ["window", "hidden"]));
    expect(b.constant(0)).not.toBe(b.constant(-0));
    expect(b.constant(Number.NaN)).toBe(b.constant(Number.NaN));
    expect(b.input("x", [W, H], "u32")).not.toBe(x);
    expect(b.input("x", [H, W])).not.toBe(x);
    expect(b.map("sub", x, y)).not.toBe(b.map("sub", y, x));
    expect(b.shift(x, "hidden", -1)).toBe(b.shift(x, "hidden", 2));
    expect(b.permute(x, ["window", "hidden"])).toBe(x);
    expect(
      b.attention({ part: "out", position: "window", dim: "hidden", scale: 1, q: x, k: x, v: x }),
    ).not.toBe(
      b.attention({ part: "out", position: "window", dim: "hidden", scale: 2, q: x, k: x, v: x }),
    );
  });

  const failing: readonly (readonly [string, () => Node, AxisError["reason"], string])[] = [
    [
      "sizes",
      () => b.map("add", x, b.input("z", [{ name: "hidden", size: 4 }])),
      "sizes-differ",
      "hidden",
    ],
    ["a missing axis", () => b.contract(x, y, ["vocab"]), "missing", "vocab"],
    ["a sum over nothing there", () => b.sum(x, ["vocab"]), "missing", "vocab"],
    ["a taken name", () => b.rename(x, "window", "hidden"), "repeated", "hidden"],
    ["no indices", () => b.gather(x, b.input("f", [V]), "hidden"), "not-indices", "hidden"],
    ["an order that repeats", () => b.permute(x, ["window", "window"]), "repeated", "window"],
    ["a scatter without the indices' axes", () => b.scatter(y, tokens, V), "missing", "window"],
    [
      "keys with a head that queries lack",
      () =>
        b.attention({
          part: "out",
          position: "window",
          dim: "hidden",
          scale: 1,
          q: x,
          k: b.map("add", x, y),
          v: x,
        }),
      "missing",
      "vocab",
    ],
  ];
  test.each(failing)("refuses %s", (_, make, reason, axis) => {
    expect(make).toThrow(AxisError);
    expect(make).toThrow(expect.objectContaining({ reason, axis }));
  });
});
