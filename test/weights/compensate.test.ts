/** Biases that make up for cut neurons: those of PyTorch, in models that have none too, and exact where neurons never vary. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { check } from "../../compiler/check.js";
import { layoutOf } from "../../compiler/planning/layout.js";
import { must } from "../../compiler/planning/outcome.js";
import { arenaOf, weightsIn } from "../../laws/weights-in-memory.js";
import { fileHost } from "../../runtime/cli/host.js";
import { readFloats } from "../../runtime/formats/stored-tensor.js";
import { compensated } from "../../runtime/weights/compensate.js";
import { prune } from "../../runtime/weights/gather.js";
import type { KeptAxis } from "../../runtime/weights/kept.js";
import * as product from "../laws/product.js";
import { examples, fixture, planFor, stageOf } from "../oracle/example.js";
import { expectedOf, folderOf, shapeIn, withWeights } from "../oracle/tiny-models.js";
import { inFloat64, logitsGraph, logitsIn } from "../support/model-logits.js";
import { worstError } from "../support/numbers.js";

const PLACE = { path: "spec.prune", span: { start: 0, end: 0 } };
const compensation = { axis: "mlp", scores: "middle", weight: "down", bias: "down_bias" };

const keptUnits = (layers: number, from: number, sets: KeptAxis["sets"]): KeptAxis => ({
  axis: "mlp",
  along: [{ name: "layer", size: layers }],
  from,
  keep: sets[0]?.length ?? 0,
  sets,
});

const tableOf = (layers: number, size: number, scores: readonly number[]) => ({
  axis: "mlp",
  criterion: "average",
  along: [{ name: "layer", size: layers }],
  size,
  within: [],
  runs: false,
  scores: [...scores],
});

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test("a model without biases gets those of PyTorch, also where layers are cut, and others of 0", async () => {
  const numbers = z.array(z.number());
  const oracle = z
    .object({
      average: z.object({ last: numbers }),
      compensation: z.object({ mlp: numbers }),
    })
    .parse(fixture("criteria.json"));
  const path = join(examples, "models/sotu-1m");
  const shape = shapeIn(path);
  const biased = shapeIn(path, { config: { mlp_bias: true }, without: [] });
  const [layers, size, cut] = [6, 384, 16];
  // Where units stay, what stands for them is not looked at.
  const scores = upTo(layers * size).map((at) => {
    const [layer, unit] = [Math.floor(at / size), at % size];
    return unit < size - cut ? 1e9 : (oracle.average.last[layer * cut + unit - size + cut] ?? 0);
  });
  const mlp = keptUnits(layers, size, Array(layers).fill(upTo(size - cut)));
  const layer = { axis: "layer", along: [], from: 6, keep: 4, sets: [[0, 2, 3, 5]] };
  const kept = new Map([
    ["mlp", mlp],
    ["layer", layer],
  ]);
  const target = must(product.resize(biased, { mlp: size - cut, layer: 4 }, PLACE));
  await withWeights(path, shape, async (weights) => {
    const table = tableOf(layers, size, scores);
    const layout = layoutOf("cut", target, 0);
    const whole = compensated(weights, kept, layout, [{ compensation, table }]);
    const pruned = prune(whole, kept, layout);
    for (const [at, source] of [0, 2, 3, 5].entries()) {
      const entries = layout.weights.filter((entry) => entry.layer === at);
      for (const { weight, ...entry } of entries.filter((own) => own.weight.endsWith("_bias"))) {
        const found = await readFloats(pruned.tensor({ weight, ...entry }));
        const expected = oracle.compensation.mlp.slice(source * 128, (source + 1) * 128);
        if (weight === "down_bias") expect(worstError(found, expected)).toBeLessThan(1e-7);
        else expect([...found]).toEqual(Array(size - cut).fill(0));
      }
    }
  });
});

/** Averages of what heads give, by PyTorch, as scores of an axis of them. */
const headsTable = (axis: "query" | "group", scores: readonly number[]) => {
  const layer = { name: "layer", size: 6 };
  const sizes = { group: { name: "group", size: 4 }, query: { name: "query", size: 2 } };
  const dim = { name: "dim", size: 16 };
  const query = axis === "query";
  return {
    axis,
    criterion: "average of output",
    along: query ? [layer, sizes.group] : [layer],
    size: sizes[axis].size,
    within: query ? [dim] : [sizes.query, dim],
    runs: false,
    scores,
  };
};

test("heads and their groups are made up for once each, as by PyTorch", async () => {
  const numbers = z.array(z.number());
  const oracle = z
    .object({
      average: z.object({ query: numbers }),
      compensation: z.object({ heads: numbers }),
    })
    .parse(fixture("criteria.json"));
  const path = join(examples, "models/sotu-1m");
  const shape = shapeIn(path);
  const target = must(
    product.resize(
      shapeIn(path, { config: { attention_bias: true }, without: [] }),
      { query: 1, group: 3 },
      PLACE,
    ),
  );
  const tables = (["query", "group"] as const).map((axis) =>
    headsTable(axis, oracle.average.query),
  );
  const kept = new Map(
    tables.map((table): [string, KeptAxis] => {
      const places = table.along.reduce((product, { size }) => product * size, 1);
      const keep = table.size - 1;
      const sets = Array.from({ length: places }, () => upTo(keep));
      return [table.axis, { axis: table.axis, along: table.along, from: table.size, keep, sets }];
    }),
  );
  await withWeights(path, shape, async (weights) => {
    const layout = layoutOf("cut", target, 0);
    const all = tables.map((table) => ({
      compensation: { axis: table.axis, scores: "middle", weight: "o_proj", bias: "o_bias" },
      table,
    }));
    for (const order of [all, all.toReversed()]) {
      const pruned = prune(compensated(weights, kept, layout, order), kept, layout);
      const biases = layout.weights.filter(({ weight }) => weight === "o_bias");
      for (const [at, entry] of biases.entries())
        expect(
          worstError(
            await readFloats(pruned.tensor(entry)),
            oracle.compensation.heads.slice(at * 128, (at + 1) * 128),
          ),
        ).toBeLessThan(1e-7);
    }
  });
});

test("neurons that give the same everywhere are made up for whole", async () => {
  const { tokens } = expectedOf("llama");
  const path = folderOf("llama");
  const shape = shapeIn(path);
  const [layers, size] = [2, 24];
  await withWeights(path, shape, async (stored) => {
    const { layout } = stored;
    const arena = await arenaOf(stored);
    const part = (weight: string, at: number, count: number): Float32Array => {
      const entry = layout.weights.find((own) => own.weight === weight && own.layer === at);
      return arena.subarray((entry?.offset ?? -4) / 4, (entry?.offset ?? -4) / 4 + count);
    };
    const scores = upTo(layers).flatMap((at) => {
      for (const weight of ["gate", "up"]) part(weight, at, size * 16).fill(0);
      const up = part("up_bias", at, size);
      return Array.from(
        part("gate_bias", at, size),
        (g, i) => (g / (1 + Math.exp(-g))) * (up[i] ?? 0),
      );
    });
    const whole = weightsIn(layout, arena);
    const sets = [upTo(10), upTo(20).slice(10)];
    const kept = new Map([["mlp", keptUnits(layers, size, sets)]]);
    const target = must(product.resize(shape, { mlp: 10 }, PLACE));
    const cut = layoutOf("cut", target, 0);
    const logits = async (of: typeof shape, weights: typeof whole) =>
      logitsIn(inFloat64(await logitsGraph(of, weights, tokens)));
    const expected = await logits(shape, whole);
    const table = tableOf(layers, size, scores);
    const made = compensated(whole, kept, cut, [{ compensation, table }]);
    expect(worstError(await logits(target, prune(made, kept, cut)), expected)).toBeLessThan(1e-6);
    expect(worstError(await logits(target, prune(whole, kept, cut)), expected)).toBeGreaterThan(
      1e-3,
    );
  });
});

test("a recipe asks config.json for the bias, and counts what that adds", () => {
  const plan = planFor(`edition 1
model teacher = open("models/sotu-1m")
data speeches = text("data/sotu/valid/*.txt") {
  window 32
  take   8 windows
}
score merit of teacher on speeches {
  mlp by flap
  layer by block_influence
}
score middle of teacher on speeches { mlp by average }
prune student from teacher using merit {
  params 85%
  layer  6 -> 5
  mlp
  compensate mlp by middle
}
`);
  expect(stageOf(plan, "prune").compensations).toEqual([compensation]);
  const { teacher, student } = plan.models;
  if (teacher === undefined || student === undefined) throw new Error("no models");
  expect(student.config).toMatchObject({ mlp_bias: true, num_hidden_layers: 5 });
  expect(student.weights.filter(({ weight }) => weight === "down_bias")).toHaveLength(5);
  const { mlp = 0 } = student.axes;
  // Three matrices of a layer carry neurons, and so do two biases.
  const per = 3 * 128 + 2;
  const others = teacher.parameters - 6 * 384 * 3 * 128 - (49_152 + 256);
  expect(student.parameters).toBe(others + 5 * (mlp * per + 128));
  expect(student.parameters).toBeLessThanOrEqual(0.85 * teacher.parameters);
  // One more neuron in each layer would be too many.
  expect(student.parameters + 5 * per).toBeGreaterThan(0.85 * teacher.parameters);
});

const withHeads = (model: string, lines: string): string => `edition 1
model teacher = open("${model}")
data speeches = text("data/sotu/valid/*.txt") {
  window 32
  take   8 windows
}
score merit of teacher on speeches { query, group by flap of output }
score middle of teacher on speeches { query, group by average of output }
prune student from teacher using merit {
  ${lines.trim()}
}
`;

test("each round makes up for what it cuts by scores of its own", () => {
  const plan = planFor(
    withHeads(
      "models/sotu-1m",
      "query 2 -> 1\n group 4 -> 2\n rounds 2\n compensate group by middle",
    ),
  );
  const made = plan.stages.flatMap((stage) =>
    stage.kind === "prune"
      ? [`${stage.name} by ${stage.compensations.map(({ scores }) => scores).join(", ")}`]
      : stage.kind === "score"
        ? [`${stage.name} of ${stage.model}`]
        : [],
  );
  expect(made).toEqual([
    "merit of teacher",
    "middle of teacher",
    "student.round1 by middle",
    "merit.student.round1 of student.round1",
    "middle.student.round1 of student.round1",
    "student by middle.student.round1",
  ]);
  expect(plan.models["student.round1"]?.config).toMatchObject({ attention_bias: true });
  const middle = plan.stages.find((stage) => stage.kind === "score" && stage.name === "middle");
  expect(middle?.kind === "score" && middle.tables.map(({ within }) => within)).toEqual([
    [{ name: "dim", size: 16 }],
    [
      { name: "query", size: 2 },
      { name: "dim", size: 16 },
    ],
  ]);
});

test.each([
  ["qwen2", /adds no bias to what they give by `o_proj`/],
  ["phi3", /adds no bias to what they give by `o_proj`/],
])("%s has no bias that could take in what heads gave", (family, why) => {
  const model = `../test/oracle/architectures/${family}`;
  const { diagnostics } = check(
    "heads.prune",
    withHeads(model, "group -> 1\n compensate group by middle"),
    fileHost(examples),
  );
  expect(diagnostics.map(({ message }) => message)).toContainEqual(expect.stringMatching(why));
});
