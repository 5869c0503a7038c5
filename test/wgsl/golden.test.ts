/** The WGSL of small kernels, as text to read: hand-written schedules, and what is generated for fused groups. */
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import type { Graph, Node } from "../../compiler/ir/tensor.js";
import { lower } from "../../compiler/schedule/lower.js";
import { portableTarget, type Target } from "../../compiler/schedule/target.js";
import { forwardLoop, gradKeyValueLoop, gradQueryLoop } from "../../kernels/attention-loop.js";
import { ALL_SCORES } from "../../kernels/attention-scores.js";
import { forwardTile, gradKeyValueTile, gradQueryTile } from "../../kernels/attention-tile.js";
import { broadcastWgsl } from "../../kernels/matmul-broadcast.js";
import { columnsByFours, dots } from "../../kernels/matmul-invocation.js";
import { matrixWgsl } from "../../kernels/matmul-matrix.js";
import { F32_OPERANDS } from "../../kernels/matmul-params.js";
import { type SubgroupTile, subgroupWgsl } from "../../kernels/matmul-subgroup.js";
import { matrixTile } from "../../kernels/matmul-tiles.js";
import { workgroupWgsl } from "../../kernels/matmul-workgroup.js";

const golden = (name: string): string => `../golden/wgsl/${name}.wgsl`;

/** All kernels of a graph with one output, each under its label and params. */
const textOf = (graph: Graph, inputs: readonly string[], target: Partial<Target> = {}): string => {
  const placement = {
    inputs: new Map(
      inputs.map((name) => [name, { kind: "feed", source: { kind: "tokens" } }] as const),
    ),
    outputs: new Map(),
  };
  const { program, kernels } = lower("golden", graph, placement, { ...portableTarget, ...target });
  return program.dispatches
    .map(({ label, params, bindings, launches: [launch] }) => {
      const bound = bindings
        .map((b) => `${b.buffer}[${b.offset}..${b.offset + b.bytes}]`)
        .join(" ");
      const head = `// ${label}\n// params ${params.join(" ")}\n// binds ${bound}\n// groups ${launch?.workgroups.join(" × ")}\n`;
      return head + (kernels[launch?.kernel ?? ""]?.wgsl ?? "");
    })
    .join("\n");
};

const axes = {
  window: { name: "window", size: 2 },
  position: { name: "position", size: 8 },
  hidden: { name: "hidden", size: 12 },
  vocab: { name: "vocab", size: 40 },
  long: { name: "vocab", size: 4000 },
};

const inputs = (b: Builder) => ({
  x: b.input("x", [axes.window, axes.position, axes.hidden]),
  gain: b.input("gain", [axes.hidden]),
  logits: b.input("logits", [axes.window, axes.position, axes.vocab]),
  many: b.input("many", [axes.window, axes.position, axes.long]),
  table: b.input("table", [axes.vocab, axes.hidden]),
  tokens: b.input("tokens", [axes.window, axes.position], "u32"),
});

type Build = (b: Builder, given: ReturnType<typeof inputs>) => Node;

const norm: Build = (b, { x, gain }) => {
  const squares = b.sum(b.binary("mul", x, x), ["hidden"]);
  const mean = b.binary("div", squares, b.constant(axes.hidden.size));
  const root = b.unary("sqrt", b.binary("add", mean, b.constant(1e-5)));
  return b.binary("mul", b.binary("div", x, root), gain);
};

const softmaxOf = (b: Builder, logits: Node): Node => {
  const most = b.reduce("max", logits, ["vocab"]);
  const powers = b.unary("exp", b.binary("sub", logits, most));
  return b.binary("div", powers, b.sum(powers, ["vocab"]));
};

const softmax: Build = (b, { logits }) => softmaxOf(b, logits);

const graphs: readonly (readonly [string, Build, Partial<Target>])[] = [
  ["norm", norm, {}],
  ["softmax", softmax, {}],
  ["softmax-of-long-rows", (b, { many }) => softmaxOf(b, many), {}],
  ["softmax-in-pieces", softmax, { maxBinding: 1536 }],
  ["scale", (b, { x, gain }) => b.binary("mul", x, gain), {}],
  ["gather", (b, { table, tokens }) => b.gather(table, tokens, "vocab"), {}],
  [
    "gather-in-pieces",
    (b, { table, tokens }) => b.gather(table, tokens, "vocab"),
    { maxBinding: 1280 },
  ],
  ["sum-in-pieces", (b, { logits }) => b.sum(logits, ["window", "position"]), { maxBinding: 1536 }],
];

test.each(graphs)("generated: %s", async (name, build, target) => {
  const b = new Builder();
  const given = inputs(b);
  const text = textOf({ outputs: { out: build(b, given) } }, Object.keys(given), target);
  await expect(text).toMatchFileSnapshot(golden(name));
});

const tile = { rows: 4, columns: 2 };
const swapped: SubgroupTile = {
  lanes: 4,
  rows: 4,
  columns: 4,
  spread: "swap",
  sums: "variables",
  order: "by column",
};
const lent: SubgroupTile = {
  lanes: 8,
  rows: 8,
  columns: 4,
  spread: "broadcast",
  sums: "array",
  order: "by row",
};
const small = { size: 16, depth: 8, own: 4 } as const;
const heads = { dim: 4, lanes: 4, rows: 2, scores: ALL_SCORES, vector: 1 } as const;
const long = { dim: 32, lanes: 8, rows: 2, scores: ALL_SCORES, vector: 4 } as const;
const limited = { ...heads, scores: { cap: 50, within: 3 } } as const;

test.each([
  ["matmul-broadcast-nt", broadcastWgsl("nt", tile, F32_OPERANDS)],
  ["matmul-broadcast-tn", broadcastWgsl("tn", tile, F32_OPERANDS)],
  [
    "matmul-subgroup-tn",
    subgroupWgsl({
      layout: "tn",
      tile: swapped,
      packed: false,
      writtenInFours: false,
      accumulate: false,
      types: F32_OPERANDS,
    }),
  ],
  [
    "matmul-subgroup-nn-in-fours",
    subgroupWgsl({
      layout: "nn",
      tile: lent,
      packed: true,
      writtenInFours: false,
      accumulate: true,
      types: F32_OPERANDS,
    }),
  ],
  [
    "matmul-subgroup-nt-all-in-fours",
    subgroupWgsl({
      layout: "nt",
      tile: swapped,
      packed: true,
      writtenInFours: true,
      accumulate: true,
      types: F32_OPERANDS,
    }),
  ],
  [
    "matmul-workgroup-nt-in-fours",
    workgroupWgsl({
      layout: "nt",
      tile: small,
      packed: true,
      writtenInFours: true,
      accumulate: false,
      types: F32_OPERANDS,
    }),
  ],
  [
    "matmul-workgroup-tn",
    workgroupWgsl({
      layout: "tn",
      tile: small,
      packed: false,
      writtenInFours: false,
      accumulate: true,
      types: F32_OPERANDS,
    }),
  ],
  [
    "matmul-workgroup-nt-in-f16",
    workgroupWgsl({
      layout: "nt",
      tile: small,
      packed: true,
      writtenInFours: false,
      accumulate: false,
      types: { a: "f32", b: "bf16", arithmetic: "f16" },
    }),
  ],
  [
    "matmul-matrix-nt-in-f16",
    matrixWgsl({
      layout: "nt",
      tile: matrixTile({ type: "f16", m: 16, n: 16, k: 16 }, [32, 16, 16]),
      width: { a: true, b: true },
      whole: { k: false, mn: false },
      aligned: false,
      accumulate: false,
      types: { a: "f32", b: "bf16", arithmetic: "f16" },
    }),
  ],
  [
    "matmul-matrix-nn-of-f16",
    matrixWgsl({
      layout: "nn",
      tile: matrixTile({ type: "f16", m: 16, n: 16, k: 16 }, [32, 32, 32], {
        known: true,
        ahead: 2,
      }),
      width: { a: true, b: 8 },
      whole: { k: true, mn: true },
      aligned: true,
      accumulate: false,
      types: { a: "f16", b: "f16", arithmetic: "f16" },
    }),
  ],
  [
    "matmul-matrix-tn",
    matrixWgsl({
      layout: "tn",
      tile: matrixTile({ type: "f32", m: 8, n: 8, k: 8 }, [8, 16, 16]),
      width: { a: false, b: false },
      whole: { k: false, mn: false },
      aligned: true,
      accumulate: true,
      types: F32_OPERANDS,
    }),
  ],
  ["matmul-dots", dots({ rows: 2, columns: 2 }, F32_OPERANDS)],
  ["matmul-dots-of-bf16", dots({ rows: 2, columns: 2 }, { a: "f32", b: "bf16" })],
  ["matmul-broadcast-nt-of-f16", broadcastWgsl("nt", tile, { a: "f16", b: "f32" })],
  ["matmul-columns", columnsByFours({ rows: 4, columns: 4 }, F32_OPERANDS)],
  ["attention-forward", forwardTile(heads)],
  ["attention-forward-loop", forwardLoop(long)],
  ["attention-gradient-kv-loop", gradKeyValueLoop(long)],
  ["attention-gradient-q-loop", gradQueryLoop({ ...long, scores: limited.scores })],
  ["attention-gradient-kv", gradKeyValueTile(heads)],
  ["attention-limited-gradient-kv", gradKeyValueTile(limited)],
  ["attention-limited-gradient-q", gradQueryTile(limited)],
])("hand-written: %s", async (name, text) => {
  await expect(text).toMatchFileSnapshot(golden(name));
});
