/** Every criterion of the standard library against PyTorch's in float64 (criteria.json, made by make-criteria.py). */
import { expect, test } from "vitest";
import { z } from "zod";
import { runStage } from "../../runtime/run/stages.js";
import type { AxisScores } from "../../runtime/weights/decisions.js";
import { sharedDevice } from "../support/device.js";
import { worstError } from "../support/numbers.js";
import { inScratch } from "../support/scratch.js";
import { contextOf, fixture, planFor } from "./example.js";

const numbers = z.array(z.number());
const oracle = z
  .object({
    windows: z.literal(12),
    pairs: z.record(z.string(), z.object({ hidden: numbers, query: numbers, group: numbers })),
    magnitude: z.object({ mlp: numbers, dim: numbers }),
    taylor: z.object({ hidden: numbers, group: numbers, dim: numbers, mlp: numbers }),
    taylor_activation: z.object({ query: numbers, mlp: numbers }),
    flap: z.object({ query: numbers, mlp: numbers }),
    average: z.object({ mlp: numbers, query: numbers }),
    wanda: z.object({ query: numbers, mlp: numbers }),
    before: z.object({ mlp: numbers }),
    dim: numbers,
    angular_distance: numbers,
    removal_loss: numbers,
    removal_error: numbers,
    block_influence: numbers,
  })
  .parse(fixture("criteria.json"));

/** Each stage scores an axis once; together they hold all nine pairs of aggregations, each on two axes or more. */
const STAGES: readonly (readonly string[])[] = [
  [
    "hidden by activation(batch: mean, position: mean)",
    "query by activation(batch: mean, position: l2)",
    "group by activation(batch: mean, position: variance)",
    "dim by magnitude(norm: l1)",
    "mlp by taylor",
    "layer by block_influence",
  ],
  [
    "hidden by activation(batch: l2, position: mean)",
    "query by activation(batch: l2, position: l2)",
    "group by activation(batch: l2, position: variance)",
    "dim by taylor",
    "mlp by magnitude",
    "layer by removal_loss",
  ],
  [
    "hidden by activation(batch: variance, position: mean)",
    "query by activation(batch: variance, position: l2)",
    "group by activation(batch: variance, position: variance)",
    "dim by activation",
    "mlp by taylor_activation",
    "layer by removal_error",
  ],
  [
    "hidden by taylor",
    "query by taylor_activation of output",
    "group by taylor",
    "mlp by activation of before",
    "layer by angular_distance",
  ],
  [
    "hidden by activation(batch: mean, position: l2)",
    "query by activation(batch: mean, position: variance)",
    "group by activation(batch: mean, position: mean)",
    "mlp by flap",
  ],
  [
    "hidden by activation(batch: l2, position: l2)",
    "query by activation(batch: l2, position: variance)",
    "group by activation(batch: l2, position: mean)",
  ],
  [
    "hidden by activation(batch: mean, position: variance)",
    "query by activation(batch: variance, position: variance)",
    "group by activation(batch: variance, position: l2)",
    "mlp by wanda",
  ],
  ["query by flap of output", "mlp by average"],
  ["query by wanda of output"],
  ["query by average of output", "group by average of output"],
];

const plan = planFor(`edition 1
model teacher = open("models/sotu-1m")
data speeches = text("data/sotu/train/*.txt") { window 32 }
${STAGES.map((lines, at) => `score stage${at} of teacher on speeches {\n  take 12 windows\n  ${lines.join("\n  ")}\n}`).join("\n")}
`);

/** Neurons of the first and the last layer. */
const ends = (scores: readonly number[]): readonly number[] => [
  ...scores.slice(0, 384),
  ...scores.slice(-384),
];

const expectedOf = (axis: string, criterion: string): readonly number[] | undefined => {
  const [, batch, position] = /batch: (\w+), position: (\w+)/.exec(criterion) ?? [];
  const pair = oracle.pairs[`${batch} ${position}`];
  if (pair !== undefined) return pair[z.enum(["hidden", "query", "group"]).parse(axis)];
  const [name = ""] = /^\w+/.exec(criterion) ?? [];
  if (criterion === "activation of before") return oracle.before.mlp;
  if (criterion === "activation") return oracle.dim;
  if (criterion === "average of output") return oracle.average.query;
  const found: unknown = oracle[name as keyof typeof oracle];
  return Array.isArray(found)
    ? numbers.parse(found)
    : z.record(z.string(), numbers).parse(found)[axis];
};

/** As a share of the largest score. */
const errorOf = ({ axis, criterion, scores }: AxisScores): number => {
  const expected = expectedOf(axis, criterion) ?? [];
  const found = axis === "mlp" ? ends(scores) : scores;
  if (expected.length !== found.length)
    throw new Error(`${found.length} scores, ${expected.length} expected`);
  return worstError(found, expected) / Math.max(...expected.map(Math.abs));
};

test("scores of all criteria are PyTorch's", async () => {
  await inScratch(async (out) => {
    const context = await contextOf(plan, await sharedDevice(), out);
    const front = [...context.texts.corpora].map(
      ([name, corpus]) => [name, { ...corpus, windows: oracle.windows }] as const,
    );
    const scoring = { ...context, texts: { ...context.texts, corpora: new Map(front) } };
    const seen: string[] = [];
    for (const stage of plan.stages) {
      const result = await runStage(scoring, stage);
      for (const table of result.kind === "score" ? result.tables : []) {
        const what = `${table.axis} by ${table.criterion}`;
        expect(errorOf(table), what).toBeLessThan(1e-4);
        seen.push(what);
      }
    }
    expect(seen).toEqual(STAGES.flat());
    for (const { weights } of context.models.values()) await weights.close();
  });
});
