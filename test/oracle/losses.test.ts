/** Losses of the library by their formulas, in float64 loops written here; and between layers, from the states themselves. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Dense, Node } from "../../compiler/ir/tensor.js";
import { reachable } from "../../compiler/ir/traverse.js";
import { forward } from "../../compiler/library/forward.js";
import type { Forward } from "../../compiler/library/library.js";
import { elaborateLoss, visible } from "../../compiler/library/loss.js";
import { differentiate } from "../../compiler/passes/differentiate.js";
import { must } from "../../compiler/planning/outcome.js";
import { parse } from "../../grammar/parse.js";
import { randomDense, randomIndices } from "../../laws/dense.js";
import * as product from "../laws/product.js";
import { libraryWith, shapeOf } from "../laws/subjects.js";

const library = libraryWith(product, {});

const exprOf = (loss: string) => {
  const { file, diagnostics } = parse("spec.prune", `let loss = ${loss}\n`);
  const [declaration] = file.declarations;
  if (diagnostics.length > 0 || declaration?.kind !== "binding") throw new Error("not a loss");
  return { file, decl: declaration.value };
};

const [WINDOWS, POSITIONS, VOCAB] = [2, 3, 7];
const AXES = [
  { name: "window", size: WINDOWS },
  { name: "position", size: POSITIONS },
  { name: "vocab", size: VOCAB },
];
const TOKENS = WINDOWS * POSITIONS;

type Row = readonly number[];

const sum = (row: Row): number => row.reduce((a, b) => a + b, 0);
const dot = (a: Row, b: Row): number => sum(a.map((v, i) => v * (b[i] ?? Number.NaN)));
const cosineOf = (a: Row, b: Row): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
const squares = (a: Row, b: Row): number => sum(a.map((v, i) => (v - (b[i] ?? Number.NaN)) ** 2));
const logSoftmax = (row: Row): Row => {
  const log = Math.log(sum(row.map(Math.exp)));
  return row.map((v) => v - log);
};
/** Σ p (log p − log q) */
const divergence = (p: Row, q: Row): number =>
  dot(
    p.map(Math.exp),
    p.map((v, i) => v - (q[i] ?? Number.NaN)),
  );

/** The divergence at temperature 2 of what both hold where the target's k largest are. */
const amongLargest = (k: number, target: Row, guess: Row): number => {
  const least = target.toSorted((a, b) => b - a)[k - 1] ?? Number.NaN;
  const [p, q] = [target, guess].map((row) =>
    logSoftmax(row.filter((_, i) => (target[i] ?? Number.NaN) >= least).map((v) => v / 2)),
  );
  return divergence(p ?? [], q ?? []);
};

const rowsOf = ({ data }: Dense, length: number): Row[] =>
  Array.from({ length: data.length / length }, (_, i) => [
    ...data.slice(i * length, (i + 1) * length),
  ]);

/** By name and loss of one token, from the teacher's logits and the student's. */
const FORMULAS: readonly (readonly [string, (target: Row, guess: Row) => number])[] = [
  [
    "kld(temperature: 2)",
    (t, g) => divergence(logSoftmax(t.map((v) => v / 2)), logSoftmax(g.map((v) => v / 2))),
  ],
  ["kld(top: 3, temperature: 2)", (t, g) => amongLargest(3, t, g)],
  ["kld(top: 1)", () => 0],
  ["kld(top: 7, temperature: 2)", (t, g) => amongLargest(VOCAB, t, g)],
  ["kld(top: 1000, temperature: 2)", (t, g) => amongLargest(VOCAB, t, g)],
  ["reverse_kld()", (t, g) => divergence(logSoftmax(g), logSoftmax(t))],
  [
    "jensen_shannon(share: 0.3)",
    (t, g) => {
      const [p, q] = [logSoftmax(t), logSoftmax(g)];
      const m = p.map((v, i) => Math.log(0.3 * Math.exp(v) + 0.7 * Math.exp(q[i] ?? Number.NaN)));
      return 0.3 * divergence(p, m) + 0.7 * divergence(q, m);
    },
  ],
  ["mse(temperature: 2)", (t, g) => squares(t, g) / VOCAB / 4],
  ["cosine()", (t, g) => 1 - cosineOf(t, g)],
];

test.each(FORMULAS)("%s", (loss, ofToken) => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(0.1, 1, 8), (seed, spread) => {
      const b = new Builder();
      const drawn = (name: string): Dense => {
        const { axes, data } = randomDense(name, AXES, seed);
        return { axes, data: data.map((v) => v * spread) };
      };
      const [target, guess] = [drawn("target"), drawn("guess")];
      const scope = {
        teacher: new Map([["logits", b.input("target", AXES)]]),
        student: new Map([["logits", b.input("guess", AXES)]]),
        labels: b.input("labels", AXES.slice(0, 2), "u32"),
      };
      const node = must(elaborateLoss(exprOf(loss), library, b, scope));
      const inputs = new Map([
        ["target", target],
        ["guess", guess],
      ]);
      const found = interpret({ outputs: { loss: node } }, inputs).loss?.data[0];
      const guesses = rowsOf(guess, VOCAB);
      const losses = rowsOf(target, VOCAB).map((row, i) => ofToken(row, guesses[i] ?? []));
      const expected = sum(losses) / TOKENS;
      expect(Math.abs((found ?? Number.NaN) - expected)).toBeLessThan(1e-9 * (1 + expected));
    }),
    { numRuns: 100 },
  );
});

test("the cosine with a vector of 0 is 0, and its slope a number", () => {
  const b = new Builder();
  const guess = b.input("guess", AXES);
  const scope = {
    teacher: new Map([["logits", b.input("target", AXES)]]),
    student: new Map([["logits", guess]]),
    labels: b.input("labels", AXES.slice(0, 2), "u32"),
  };
  const loss = must(elaborateLoss(exprOf("cosine()"), library, b, scope));
  const slope = differentiate(b, loss, [guess]).get(guess) ?? loss;
  const zero = { axes: AXES, data: new Float64Array(TOKENS * VOCAB) };
  for (const target of [zero, randomDense("target", AXES, 3)]) {
    const inputs = new Map([
      ["target", target],
      ["guess", zero],
    ]);
    const found = interpret({ outputs: { loss, slope } }, inputs);
    expect(found.loss?.data[0]).toBe(1);
    expect(found.slope?.data.every(Number.isFinite)).toBe(true);
  }
});

test("of equal logits the first are among the largest", () => {
  const b = new Builder();
  const scope = {
    teacher: new Map([["logits", b.input("target", AXES)]]),
    student: new Map([["logits", b.input("guess", AXES)]]),
    labels: b.input("labels", AXES.slice(0, 2), "u32"),
  };
  const node = must(elaborateLoss(exprOf("kld(top: 3)"), library, b, scope));
  const row = [0, 2, 1, 5, 1, 1, 0];
  const target = {
    axes: AXES,
    data: Float64Array.from({ length: TOKENS * VOCAB }, (_, i) => row[i % VOCAB] ?? 0),
  };
  const guess = randomDense("guess", AXES, 3);
  const found = interpret(
    { outputs: { loss: node } },
    new Map([
      ["target", target],
      ["guess", guess],
    ]),
  ).loss?.data[0];
  const first = (values: Row): Row => logSoftmax([1, 2, 3].map((i) => values[i] ?? Number.NaN));
  const losses = rowsOf(guess, VOCAB).map((values) => divergence(first(row), first(values)));
  expect(found).toBeCloseTo(sum(losses) / TOKENS, 12);
});

test("the gradient of a divergence among the largest is p − q there, and 0 elsewhere", () => {
  const b = new Builder();
  const [target, guess] = [b.input("target", AXES), b.input("guess", AXES)];
  const scope = {
    teacher: new Map([["logits", target]]),
    student: new Map([["logits", guess]]),
    labels: b.input("labels", AXES.slice(0, 2), "u32"),
  };
  const loss = must(elaborateLoss(exprOf("kld(top: 3)"), library, b, scope));
  const gradient = product.differentiate(b, loss, [guess]).get(guess) ?? loss;
  const values = [randomDense("target", AXES, 1), randomDense("guess", AXES, 2)] as const;
  const found = interpret(
    { outputs: { gradient } },
    new Map([
      ["target", values[0]],
      ["guess", values[1]],
    ]),
  ).gradient;
  const guesses = rowsOf(values[1], VOCAB);
  const gradients = found === undefined ? [] : rowsOf(found, VOCAB);
  expect(gradients).toHaveLength(TOKENS);
  rowsOf(values[0], VOCAB).forEach((row, token) => {
    const least = row.toSorted((a, b) => b - a)[2] ?? Number.NaN;
    const among = row.flatMap((v, i) => (v >= least ? [i] : []));
    const of = (logits: Row): Row =>
      logSoftmax(among.map((i) => logits[i] ?? Number.NaN)).map(Math.exp);
    const [p, q] = [of(row), of(guesses[token] ?? [])];
    row.forEach((_, i) => {
      const at = among.indexOf(i);
      const expected = at < 0 ? 0 : ((q[at] ?? 0) - (p[at] ?? 0)) / TOKENS;
      expect(gradients[token]?.[i]).toBeCloseTo(expected, 12);
    });
  });
});

test.each([
  ["kld(top: 0)", "0 is not a whole number above 0"],
  ["kld(top: 2.5)", "2.5 is not a whole number above 0"],
])("%s is refused", (text, reason) => {
  const b = new Builder();
  const logits = new Map([["logits", b.input("logits", AXES)]]);
  const labels = b.input("labels", AXES.slice(0, 2), "u32");
  const outcome = elaborateLoss(exprOf(text), library, b, {
    teacher: logits,
    student: logits,
    labels,
  });
  expect(outcome.ok).toBe(false);
  if (!outcome.ok) expect(outcome.diagnostics[0]?.message).toContain(reason);
});

// ── between layers ───────────────────────────────────────────────────────────────────────────

const config = (layers: number, width: number, heads: number) => ({
  architectures: ["LlamaForCausalLM"],
  num_hidden_layers: layers,
  hidden_size: width,
  num_attention_heads: heads,
  num_key_value_heads: 1,
  head_dim: 4,
  intermediate_size: 5,
  vocab_size: 11,
  tie_word_embeddings: true,
});

/** A teacher of four layers and a student of two, narrower and with fewer heads. */
const models = () => {
  const b = new Builder();
  const axes = AXES.slice(0, 2);
  const tokens = b.input("tokens", axes, "u32");
  const passOf = (model: string, of: Readonly<Record<string, unknown>>): Forward =>
    must(forward(shapeOf(product, library, of), b, { model, tokens }));
  const [teacher, student] = [
    passOf("teacher", config(4, 8, 3)),
    passOf("student", config(2, 6, 2)),
  ];
  const scope = {
    teacher: visible(teacher),
    student: visible(student),
    labels: b.input("labels", axes, "u32"),
  };
  return { b, teacher, student, scope };
};

const valuesOf = (nodes: readonly Node[], seed: number): readonly Dense[] => {
  const inputs = new Map<string, Dense>();
  for (const node of reachable(nodes))
    if (node.op === "input")
      inputs.set(
        node.name,
        node.dtype === "u32"
          ? randomIndices(node.name, node.axes, seed, 11)
          : randomDense(node.name, node.axes, seed),
      );
  const outputs = Object.fromEntries(nodes.map((node, i) => [`${i}`, node]));
  return Object.values(interpret({ outputs }, inputs));
};

const stateOf = ({ states }: Forward, name: string, layer: number | null): Node => {
  const found = states.get(name);
  const node = Array.isArray(found) ? found[layer ?? 0] : found;
  if (node === undefined || !("op" in node)) throw new Error(`no state ${name}`);
  return node;
};

const numberOf = (dense: Dense | undefined): number => dense?.data[0] ?? Number.NaN;

describe("states", () => {
  const { b, teacher, student, scope } = models();
  const lossOf = (text: string): Node => must(elaborateLoss(exprOf(text), library, b, scope));

  /** The student's rows, mapped to the teacher's width by the learned matrix [8, 6]. */
  const mapped = (rows: readonly Row[], map: Dense | undefined): Row[] => {
    const matrix = map === undefined ? [] : rowsOf(map, 6);
    return rows.map((row) => matrix.map((weights) => dot(weights, row)));
  };
  const map = b.input("map/hidden 6 8", [
    { name: "hidden", size: 8 },
    { name: "hidden'", size: 6 },
  ]);

  test.each([
    ["states_cosine(layers: [2 -> 1])", (t: Row, g: Row) => 1 - cosineOf(t, g)],
    ["states_mse(layers: [2 -> 1])", (t: Row, g: Row) => squares(t, g) / 8],
  ])("%s maps the student's to the teacher's width", (text, ofToken) => {
    const nodes = [lossOf(text), stateOf(teacher, "output", 2), stateOf(student, "output", 1), map];
    const [found, target, guess, matrix] = valuesOf(nodes, 5);
    if (target === undefined || guess === undefined) throw new Error("no states");
    const guesses = mapped(rowsOf(guess, 6), matrix);
    const losses = rowsOf(target, 8).map((row, i) => ofToken(row, guesses[i] ?? []));
    expect(numberOf(found)).toBeCloseTo(sum(losses) / TOKENS, 10);
  });

  test.each([
    ["", "[1 -> 0, 3 -> 1]"],
    ["uniform", "[1 -> 0, 3 -> 1]"],
    ["last", "[2 -> 0, 3 -> 1]"],
  ])("layers %s is %s, added up", (name, pairs) => {
    const call = name === "" ? "states_cosine()" : `states_cosine(layers: ${name})`;
    const single = pairs
      .slice(1, -1)
      .split(", ")
      .map((pair) => lossOf(`states_cosine(layers: [${pair}])`));
    const [all, ...each] = valuesOf([lossOf(call), ...single], 7);
    expect(numberOf(all)).toBeCloseTo(sum(each.map(numberOf)), 10);
    expect(numberOf(all)).toBeGreaterThan(0);
  });

  test("a state that is one of the model, and one picked from a layer, need no pairs", () => {
    const embeddings = lossOf("states_mse(teacher.embeddings, student.embeddings)");
    const picked = lossOf("states_cosine(teacher.mlp_input[3], student.mlp_input[0])");
    const other = lossOf("states_cosine(teacher.mlp_input, student.mlp_input, layers: [3 -> 0])");
    const [first, second, third] = valuesOf([embeddings, picked, other], 9).map(numberOf);
    expect(first).toBeGreaterThan(0);
    expect(second).toBe(third);
  });

  test("relations among queries are divergences of what each position attends to", () => {
    const nodes = [
      lossOf("attention_relation[group, query, dim](layers: [0 -> 0])"),
      stateOf(teacher, "queries", 0),
      stateOf(student, "queries", 0),
    ];
    const [found, target, guess] = valuesOf(nodes, 3);
    if (target === undefined || guess === undefined) throw new Error("no states");
    const relations = (rows: Row[], position: number, window: number): Row => {
      const at = (i: number): Row => rows[window * POSITIONS + i] ?? [];
      const scores = Array.from({ length: position + 1 }, (_, i) => dot(at(position), at(i)));
      return logSoftmax(scores.map((v) => v / Math.sqrt(at(0).length)));
    };
    let expected = 0;
    for (let window = 0; window < WINDOWS; window++)
      for (let position = 0; position < POSITIONS; position++)
        expected += divergence(
          relations(rowsOf(target, 12), position, window),
          relations(rowsOf(guess, 8), position, window),
        );
    expect(numberOf(found)).toBeCloseTo(expected / TOKENS, 10);
  });

  test("balance gives both losses the same size, and gradients to both", () => {
    const [main, other] = ["kld()", "states_cosine()"];
    const nodes = [lossOf(`balance(${main}, ${other})`), lossOf(main), lossOf(other)];
    const [found, first] = valuesOf(nodes, 4).map(numberOf);
    expect(found).toBeCloseTo(2 * (first ?? Number.NaN), 10);
    const gradients = product.differentiate(b, nodes[0] ?? map, [map]);
    const alone = product.differentiate(b, nodes[2] ?? map, [map]);
    const [both, one, mainValue, otherValue] = valuesOf(
      [gradients.get(map) ?? map, alone.get(map) ?? map, nodes[1] ?? map, nodes[2] ?? map],
      4,
    );
    const scale = numberOf(mainValue) / numberOf(otherValue);
    both?.data.forEach((value, i) => {
      expect(value).toBeCloseTo(scale * (one?.data[i] ?? Number.NaN), 10);
    });
  });

  test.each([
    ["states_cosine(layers: [4 -> 0])", "a layer from 0 to 3"],
    ["states_cosine(layers: first)", "uniform, last, or pairs"],
    ["kld(layers: uniform)", "looks at no state of the layers"],
  ])("%s is refused", (text, reason) => {
    const outcome = elaborateLoss(exprOf(text), library, b, scope);
    expect(outcome.ok).toBe(false);
    if (!outcome.ok) expect(outcome.diagnostics[0]?.message).toContain(reason);
  });
});
