/** Every operation against its definition, written as loops over places. */
import { describe, expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { InterpretError, interpret } from "../../compiler/ir/interpret.js";
import { arityOf } from "../../compiler/ir/scalar.js";
import type { Axis, Dense, MapFn, Node } from "../../compiler/ir/tensor.js";
import { at, distance, fill, places, randomDense, randomIndices, total } from "../../laws/dense.js";

const window: Axis = { name: "window", size: 2 };
const position: Axis = { name: "position", size: 5 };
const hidden: Axis = { name: "hidden", size: 3 };
const vocab: Axis = { name: "vocab", size: 7 };
const single: Axis = { name: "single", size: 1 };

const b = new Builder();
const values = new Map<string, Dense>();
const given = (name: string, axes: readonly Axis[]): [Node, Dense] => {
  const dense = randomDense(name, axes, 11);
  values.set(name, dense);
  return [b.input(name, axes), dense];
};
const value = (node: Node): Dense => {
  const dense = interpret({ outputs: { out: node } }, values).out;
  if (dense === undefined) throw new Error("no output");
  return dense;
};
const tokens = b.input("tokens", [window, position], "u32");
const tokenValues = randomIndices("tokens", [window, position], 5, vocab.size);
values.set("tokens", tokenValues);

const [x, X] = given("x", [window, position, hidden]);
const [y, Y] = given("y", [hidden, single, position]);
const [w, W] = given("w", [vocab, hidden]);
const [logits, LOGITS] = given("logits", [position, vocab, window]);

const expectSame = (node: Node, naive: Dense): void =>
  expect(distance(value(node), naive)).toBeLessThan(1e-13);

/** 2/√π ∫₀ᵃ exp(−t²) dt by Simpson's rule. */
const bellArea = (a: number): number => {
  const steps = 2000;
  const bell = (i: number): number => Math.exp(-(((i * a) / steps) ** 2));
  const inner = Array.from({ length: steps - 1 }, (_, i) => (i % 2 === 0 ? 4 : 2) * bell(i + 1));
  const sum = inner.reduce((total, value) => total + value, bell(0) + bell(steps));
  return ((2 / Math.sqrt(Math.PI)) * a * sum) / (3 * steps);
};

describe("elementwise", () => {
  const table: Record<MapFn, (a: number, b: number, c: number) => number> = {
    neg: (a) => 0 - a,
    exp: (a) => Math.E ** a,
    log: (a) => Math.log(a),
    sqrt: (a) => a ** 0.5,
    abs: (a) => (a < 0 ? -a : a),
    sin: (a) => Math.cos(a - Math.PI / 2),
    cos: (a) => Math.sin(a + Math.PI / 2),
    tanh: (a) => (Math.exp(2 * a) - 1) / (Math.exp(2 * a) + 1),
    erf: bellArea,
    floor: (a) => a - (((a % 1) + 1) % 1),
    not: (a) => Number(a === 0),
    add: (a, c) => a + c,
    sub: (a, c) => a - c,
    mul: (a, c) => a * c,
    div: (a, c) => a / c,
    pow: (a, c) => Math.exp(c * Math.log(a)),
    min: (a, c) => -Math.max(-a, -c),
    max: (a, c) => (a + c + Math.abs(a - c)) / 2,
    less: (a, c) => Number(a < c),
    equal: (a, c) => Number(a === c),
    select: (a, c, d) => (a === 0 ? d : c),
  };
  test.each(Object.keys(table) as MapFn[])("%s broadcasts by name", (fn) => {
    const positive = fn === "log" || fn === "sqrt" || fn === "pow";
    const one = positive ? b.unary("exp", x) : x;
    const node = b.map(fn, ...[one, y, w].slice(0, arityOf(fn)));
    const base = positive ? fill(X.axes, (p) => Math.exp(at(X, p))) : X;
    expectSame(
      node,
      fill(node.axes, (p) => table[fn](at(base, p), at(Y, p), at(W, p))),
    );
  });

  test("select and not read 0 as false", () => {
    const chosen = b.map("less", x, b.constant(0));
    const node = b.select(b.unary("not", chosen), b.constant(3), y);
    expectSame(
      node,
      fill(node.axes, (p) => (at(X, p) < 0 ? at(Y, p) : 3)),
    );
  });
});

describe("axes", () => {
  test("index counts, cast reads integers", () => {
    expect([...value(b.index(hidden)).data]).toEqual([0, 1, 2]);
    expect([...value(b.cast(tokens)).data]).toEqual([...tokenValues.data]);
  });

  test("permute reorders", () => {
    const node = b.permute(x, ["hidden", "window", "position"]);
    expect(node.axes.map((a) => a.name)).toEqual(["hidden", "window", "position"]);
    expectSame(
      node,
      fill(node.axes, (p) => at(X, p)),
    );
  });

  test("shift wraps round", () => {
    for (const by of [1, 2, -1, 7]) {
      const node = b.shift(x, "position", by);
      const from = (i = 0): number => (((i + by) % 5) + 5) % 5;
      expectSame(
        node,
        fill(X.axes, (p) => at(X, { ...p, position: from(p.position) })),
      );
    }
  });

  test("rename keeps values, stop is the identity", () => {
    const node = b.rename(x, "position", "source");
    expectSame(
      node,
      fill(node.axes, (p) => at(X, { ...p, position: p.source ?? 0 })),
    );
    expectSame(b.stop(x), X);
  });
});

describe("sums", () => {
  test.each([
    [["position"]],
    [["hidden", "window"]],
    [["window", "position", "hidden"]],
  ])("reduce over %s", (over) => {
    const inner = places(X.axes.filter((a) => over.includes(a.name)));
    const sum = b.sum(x, over);
    const most = b.reduce("max", x, over);
    expectSame(
      sum,
      fill(sum.axes, (p) => total(inner.map((q) => at(X, { ...p, ...q })))),
    );
    expectSame(
      most,
      fill(most.axes, (p) => Math.max(...inner.map((q) => at(X, { ...p, ...q })))),
    );
  });

  test.each([
    ["a matrix product", x, X, w, W, ["hidden"]],
    ["with a batch axis", x, X, y, Y, ["position"]],
    ["over two axes", y, Y, x, X, ["position", "hidden"]],
    ["an outer product", w, W, y, Y, []],
  ] as const)("contract: %s", (_, left, L, right, R, over) => {
    const node = b.contract(left, right, over);
    const names: readonly string[] = over;
    const inner = places(L.axes.filter((a) => names.includes(a.name)));
    expectSame(
      node,
      fill(node.axes, (p) =>
        total(inner.map((q) => at(L, { ...p, ...q }) * at(R, { ...p, ...q }))),
      ),
    );
  });
});

describe("selection", () => {
  test("gather of rows", () => {
    const node = b.gather(w, tokens, "vocab");
    expect(node.axes).toEqual([window, position, hidden]);
    expectSame(
      node,
      fill(node.axes, (p) => at(W, { ...p, vocab: at(tokenValues, p) })),
    );
  });

  test("gather aligned with its indices", () => {
    const node = b.gather(logits, tokens, "vocab");
    expect(node.axes).toEqual([window, position]);
    expectSame(
      node,
      fill(node.axes, (p) => at(LOGITS, { ...p, vocab: at(tokenValues, p) })),
    );
  });

  test("gather along the indices' own axis", () => {
    const kept = b.input("kept", [{ name: "hidden", size: 2 }], "u32");
    values.set("kept", { axes: kept.axes, data: Float64Array.of(2, 0) });
    const node = b.gather(w, kept, "hidden");
    expectSame(
      node,
      fill(node.axes, (p) => at(W, { ...p, hidden: p.hidden === 0 ? 2 : 0 })),
    );
  });

  test("scatter adds up what falls together", () => {
    const node = b.scatter(x, tokens, vocab);
    expect(node.axes).toEqual([vocab, hidden]);
    const all = places(tokens.axes);
    expectSame(
      node,
      fill(node.axes, (p) =>
        total(
          all
            .filter((q) => at(tokenValues, q) === p.vocab)
            .map((q) => at(X, { ...q, hidden: p.hidden ?? 0 })),
        ),
      ),
    );
  });
});

describe("what the caller gets wrong", () => {
  test("is named", () => {
    const graph = { outputs: { out: b.gather(w, tokens, "vocab") } };
    const wrong = (name: string, dense: Dense) => new Map([...values, [name, dense]]);
    const big = { axes: tokens.axes, data: new Float64Array(10).fill(7) };
    expect(() => interpret(graph, new Map())).toThrow(InterpretError);
    expect(() => interpret(graph, wrong("tokens", big))).toThrow(/tokens holds 7/);
    expect(() => interpret(graph, wrong("w", X))).toThrow(/input w is/);
  });
});
