/** Whole stages of a run on the example's model: distillation to its half, and scoring. */
import { batchAt, shuffledWindows } from "../../runtime/data/order.js";
import type { TaskLine } from "../line.js";
import { openedLlama, planned, prunedLlama, stepOf, writeBatches } from "../llama-file.js";
import { EXAMPLES } from "../places.js";
import type { DistillTask, ScoreTask } from "../task.js";

const RATE = 1e-3;
const CLIP = 1;
/** Steps whose losses must agree. */
const STEPS = 3;
const WINDOW = 256;

const specWith = (take: number, windows: number): string => `edition 1
model teacher = open("models/sotu-1m")
data speeches = text("data/sotu/train/*.txt") { window ${WINDOW} }
score merit of teacher on speeches {
  take ${take} windows
  hidden, mlp, query by activation(batch: l2, position: mean)
  layer by block_influence
}
prune student from teacher using merit {
  hidden 128 -> 96
  mlp 384 -> 256
}
distill healed = student from teacher on speeches {
  loss kld(temperature: 1)
  stop 1M tokens
  batch ${windows} windows
  optimizer adamw(beta: [0.9, 0.95], decay: 0.0, clip: ${CLIP})
  rate constant(${RATE})
}
`;

const distillTask = async (windows: number, folder: string): Promise<DistillTask> => {
  const spec = specWith(8, windows);
  const of = await planned(spec, EXAMPLES);
  const { name, data, optimizer } = stepOf(of, "distill");
  const count = of.corpora.get(data)?.windows ?? 0;
  const steps = Array.from({ length: STEPS }, (_, step) =>
    batchAt(of.plan.seed, name, step, windows, count),
  );
  return {
    kind: "distill",
    spec,
    base: EXAMPLES,
    teacher: await openedLlama(of, folder),
    student: await prunedLlama(of, folder),
    tokens: writeBatches(of, data, steps, folder),
    rates: steps.map(() => RATE),
    beta: optimizer.beta,
    epsilon: optimizer.epsilon,
    clip: CLIP,
  };
};

const SCORE_BATCH = 8;
const SCORE_BATCHES = 4;

const scoreTask = async (folder: string): Promise<ScoreTask> => {
  const total = SCORE_BATCH * SCORE_BATCHES;
  const spec = specWith(total, 2);
  const of = await planned(spec, EXAMPLES);
  const { name, data } = stepOf(of, "score");
  const order = shuffledWindows(of.plan.seed, name, of.corpora.get(data)?.windows ?? 0);
  const batches = Array.from({ length: SCORE_BATCHES }, (_, batch) =>
    order.slice(batch * SCORE_BATCH, (batch + 1) * SCORE_BATCH),
  );
  return {
    kind: "score",
    spec,
    base: EXAMPLES,
    model: await openedLlama(of, folder),
    tokens: writeBatches(of, data, batches, folder),
  };
};

const distillLine = (windows: number, slow: boolean): TaskLine => ({
  kind: "task",
  family: "distillation",
  name: `a step of sotu-1m to its half, ${windows} windows of ${WINDOW}`,
  contestants: ["espalier", "jax-js", "PyTorch"],
  task: (folder) => distillTask(windows, folder),
  work: windows * WINDOW,
  unit: "tokens/s",
  tolerance: 1e-3,
  slow,
});

export const stageLines: readonly TaskLine[] = [
  distillLine(2, false),
  distillLine(8, true),
  {
    kind: "task",
    family: "scoring",
    name: `sotu-1m, ${SCORE_BATCH} windows of ${WINDOW}`,
    contestants: ["espalier", "jax-js", "PyTorch"],
    task: scoreTask,
    work: SCORE_BATCH * WINDOW,
    unit: "tokens/s",
    tolerance: 1e-3,
    slow: false,
  },
];
