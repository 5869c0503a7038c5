/**
 * Scores, kept units, the gathered weights and the first steps of distillation, against PyTorch's (training.json, made by
 * make-training.py) on the same windows of the example's texts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import type { DistillStage, Stage } from "../../compiler/plan.js";
import type { Corpus } from "../../runtime/data/corpus.js";
import { batchAt } from "../../runtime/data/order.js";
import { openCheckpoint } from "../../runtime/formats/checkpoint-folder.js";
import { readFloats } from "../../runtime/formats/stored-tensor.js";
import type { Weights } from "../../runtime/formats/weights.js";
import { modelNamed, type RunContext } from "../../runtime/run/context.js";
import { runStage } from "../../runtime/run/stages.js";
import { readDecisions } from "../../runtime/weights/decisions.js";
import { sharedDevice } from "../support/device.js";
import { worstError } from "../support/numbers.js";
import { inScratch } from "../support/scratch.js";
import { contextOf, fixture, planFor } from "./example.js";

const numbers = z.array(z.number());
const lesson = {
  loss: numbers.length(6),
  norm: numbers.length(6),
  trained: z.record(z.string(), numbers),
};
interface Lesson {
  readonly loss: readonly number[];
  readonly norm: readonly number[];
  readonly trained: Readonly<Record<string, readonly number[]>>;
}

const oracle = z
  .object({
    calibration: z.literal(64),
    scores: z.object({ hidden: numbers, mlp: numbers, query: numbers, layer: numbers }),
    kept: z.object({
      hidden: z.array(numbers),
      mlp: z.array(numbers).length(6),
      query: z.array(numbers).length(24),
    }),
    pruned: z.record(z.string(), z.number()),
    steps: z.literal(6),
    windows: z.literal(2),
    ...lesson,
    /** With a decay that biases, norms and embeddings are spared. */
    decayed: z.object(lesson),
    /** Of the teacher's 40 most likely tokens alone. */
    largest: z.object(lesson),
  })
  .parse(fixture("training.json"));

/** Of a line of metrics.jsonl. */
const measures = z.object({ stage: z.string(), loss: z.number(), norm: z.number() });

/** The first windows of a corpus, as a corpus. */
const front = (corpus: Corpus, windows: number): Corpus => ({ ...corpus, windows });

/** Does the plan's stages, as a run does, each in the context that `of` gives it; results go to the journal. */
const runAll = async (
  context: RunContext,
  of: (stage: Stage) => RunContext = () => context,
): Promise<void> => {
  for (const [index, stage] of context.plan.stages.entries()) {
    if (stage.kind === "waiting") throw new Error("the plan is whole");
    const result = await runStage(of(stage), stage);
    await context.journal.commit(index, stage.kind, result, 0);
  }
};

/** The same run on other texts; models, journal and device stay shared. */
const on = (context: RunContext, change: (corpus: Corpus) => Corpus): RunContext => ({
  ...context,
  texts: {
    ...context.texts,
    corpora: new Map(
      [...context.texts.corpora].map(([name, corpus]) => [name, change(corpus)] as const),
    ),
  },
});

/** The largest difference as a share of the largest expected value. */
const relativeError = (found: ArrayLike<number> | undefined, expected: readonly number[]): number =>
  worstError(found, expected) / Math.max(...expected.map(Math.abs));

/** Σ wᵢ · (1 + i mod 97), as make-training.py adds it up. */
const digest = (floats: Float32Array): number =>
  floats.reduce((sum, value, i) => sum + value * (1 + (i % 97)), 0);

/** Scores serve two prunings: one of three axes that is kept as it is, and the example's, which is trained. */
const plan = planFor(`edition 1
model teacher = open("models/sotu-1m")
data speeches = text("data/sotu/train/*.txt") { window 256 }
score merit of teacher on speeches {
  take 64 windows
  hidden, mlp, query by activation(batch: l2, position: mean)
  layer by block_influence
}
prune small from teacher using merit {
  hidden 128 -> 96
  mlp    384 -> 256
  query  2 -> 1
}
export small to "small" { dtype f32 }
prune student from teacher using merit {
  hidden 128 -> 96
  mlp    384 -> 256
}
distill healed = student from teacher on speeches {
  loss      kld(temperature: 1)
  stop      6 steps
  batch     2 windows
  optimizer adamw(beta: [0.9, 0.95], decay: 0.0, clip: 1.0)
  rate      cosine(2e-3 -> 2e-4, warmup: 2 steps)
}
distill decayed = student from teacher on speeches {
  loss      kld(temperature: 1)
  stop      6 steps
  batch     2 windows
  optimizer adamw(decay: 20, no_decay: [vectors, embed])
  rate      cosine(2e-3 -> 2e-4, warmup: 2 steps)
}
distill largest = student from teacher on speeches {
  loss      kld(temperature: 1, top: 40)
  stop      6 steps
  batch     2 windows
  optimizer adamw(beta: [0.9, 0.95], decay: 0.0, clip: 1.0)
  rate      cosine(2e-3 -> 2e-4, warmup: 2 steps)
}
`);

const expectDecisions = async (out: string): Promise<void> => {
  const axes = (await readDecisions(out))?.prunes[0]?.axes ?? [];
  expect(axes.map(({ axis }) => axis)).toEqual(["hidden", "mlp", "query", "layer"]);
  for (const { axis, sets } of axes) {
    const expected = oracle.scores[z.enum(["hidden", "mlp", "query", "layer"]).parse(axis)];
    const scores = sets.flatMap((set) => set.scores);
    // Sums of 64 squares of means of 256, in float32 on either side.
    expect(relativeError(scores, expected), axis).toBeLessThan(1e-4);
  }
  for (const axis of ["hidden", "mlp", "query"] as const) {
    const sets = axes.find((found) => found.axis === axis)?.sets ?? [];
    expect(sets.map(({ kept }) => kept)).toEqual(oracle.kept[axis]);
  }
};

/** Without training, the exported weights are the teacher's own, gathered. */
const expectGathered = async (folder: string): Promise<void> => {
  const checkpoint = await openCheckpoint(folder);
  const found = new Map<string, number>();
  for (const name of checkpoint.names)
    found.set(name, digest(await readFloats(checkpoint.tensor(name))));
  await checkpoint.close();
  expect([...found.keys()].sort()).toEqual(Object.keys(oracle.pruned).sort());
  // The same numbers; only the order in which float64 adds them may differ.
  for (const [name, value] of found) expect(value).toBeCloseTo(oracle.pruned[name] ?? 0, 8);
};

const expectTraining = (out: string, stage: string, lesson: Lesson): void => {
  const text = readFileSync(join(out, "metrics.jsonl"), "utf8").trim().split("\n");
  const all = text.map((line) => measures.parse(JSON.parse(line)));
  const lines = all.filter((line) => line.stage === stage);
  for (const measure of ["loss", "norm"] as const) {
    const [found, expected] = [lines.map((line) => line[measure]), lesson[measure]];
    // Before any update: the forward and backward pass alone, in float32 on either side.
    expect(relativeError(found.slice(0, 1), expected.slice(0, 1)), measure).toBeLessThan(1e-5);
    // Adam divides by the root of the second moment: where a gradient is rounding, so is the step that it makes.
    expect(relativeError(found, expected), measure).toBeLessThan(1e-3);
  }
};

const expectTrained = async ({ layout, tensor }: Weights, lesson: Lesson): Promise<void> => {
  for (const [file, expected] of Object.entries(lesson.trained)) {
    const weight = layout.weights.find((entry) => entry.file === file);
    const floats = weight === undefined ? undefined : await readFloats(tensor(weight));
    expect(relativeError(floats?.subarray(0, expected.length), expected), file).toBeLessThan(2e-3);
  }
};

test("decisions, gathered weights and the first steps of training are PyTorch's", async () => {
  /** Window i of the corpus is the one that PyTorch saw in that place of the training. */
  const reordered =
    (stage: DistillStage) =>
    (corpus: Corpus): Corpus => {
      const seen = Array.from({ length: oracle.steps }, (_, step) =>
        batchAt(plan.seed, stage.name, step, stage.windows, corpus.windows),
      ).flat();
      const places = new Map(seen.map((window, place) => [window, place]));
      return { ...corpus, at: (window) => corpus.at(places.get(window) ?? window) };
    };
  await inScratch(async (out) => {
    const context = await contextOf(plan, await sharedDevice(), out);
    const scoring = on(context, (corpus) => front(corpus, oracle.calibration));
    await runAll(context, (stage) =>
      stage.kind === "distill" ? on(context, reordered(stage)) : scoring,
    );
    await expectDecisions(out);
    await expectGathered(join(out, "small"));
    for (const [name, lesson] of [
      ["healed", oracle],
      ["decayed", oracle.decayed],
      ["largest", oracle.largest],
    ] as const) {
      expectTraining(out, name, lesson);
      await expectTrained(modelNamed(context, name).weights, lesson);
    }
    for (const { weights } of context.models.values()) await weights.close();
  });
});
