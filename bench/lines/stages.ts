/** Whole stages of a run: distillation to half on the example's model and on one a hundred times as large, and scoring. */
import { join } from "node:path";
import { batchAt, shuffledWindows } from "../../runtime/data/order.js";
import { writeCheckpoint } from "../checkpoint.js";
import type { TaskLine } from "../line.js";
import { openedLlama, planned, prunedLlama, stepOf, writeBatches } from "../llama-file.js";
import { EXAMPLES } from "../places.js";
import type { DistillTask, LlamaSizes, ScoreTask } from "../task.js";

const RATE = 1e-3;
const CLIP = 1;
/** Steps whose losses must agree. */
const STEPS = 3;
const WINDOW = 256;
const EXAMPLE_MODEL = "models/sotu-1m";

/** What a spec says of the model that it is for. */
interface Subject {
  readonly model: string;
  readonly cuts: string;
  /** Tokens of a window. */
  readonly window: number;
}

const example: Subject = {
  model: EXAMPLE_MODEL,
  cuts: "hidden 128 -> 96\n  mlp 384 -> 256",
  window: WINDOW,
};

const specWith = (
  { model, cuts, window }: Subject,
  take: number,
  windows: number,
): string => `edition 1
model teacher = open("${model}")
data speeches = text("data/sotu/train/*.txt") { window ${window} }
score merit of teacher on speeches {
  take ${take} windows
  hidden, mlp, query by activation(batch: l2, position: mean)
  layer by block_influence
}
prune student from teacher using merit {
  ${cuts}
}
distill healed = student from teacher on speeches {
  loss kld(temperature: 1)
  stop 1M tokens
  batch ${windows} windows
  optimizer adamw(beta: [0.9, 0.95], decay: 0.0, clip: ${CLIP})
  rate constant(${RATE})
}
`;

const distillTask = async (
  subject: Subject,
  windows: number,
  folder: string,
): Promise<DistillTask> => {
  const spec = specWith(subject, 8, windows);
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
  const spec = specWith(example, total, 2);
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
  task: (folder) => distillTask(example, windows, folder),
  work: windows * WINDOW,
  unit: "tokens/s",
  tolerance: 1e-3,
  slow,
});

/** GPT-2's small sizes with a Llama's blocks and vocabulary: 109 million parameters. */
const SMALL_LLAMA: LlamaSizes = {
  hidden_size: 768,
  intermediate_size: 2048,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  num_key_value_heads: 12,
  head_dim: 64,
  vocab_size: 32000,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
};
const SMALL_WINDOWS = 8;
const SMALL_WINDOW = 512;

const smallLlama = async (folder: string): Promise<Subject> => {
  const model = join(folder, "llama");
  await writeCheckpoint(model, SMALL_LLAMA, join(EXAMPLES, EXAMPLE_MODEL));
  return { model, cuts: "mlp 2048 -> 1024", window: SMALL_WINDOW };
};

const gpuLine: TaskLine = {
  ...distillLine(SMALL_WINDOWS, true),
  name: `a step of a 109M Llama to half its mlp, ${SMALL_WINDOWS} windows of ${SMALL_WINDOW}`,
  contestants: ["espalier", "PyTorch"],
  task: async (folder) => distillTask(await smallLlama(folder), SMALL_WINDOWS, folder),
  work: SMALL_WINDOWS * SMALL_WINDOW,
  forGpu: true,
};

export const stageLines: readonly TaskLine[] = [
  distillLine(2, false),
  distillLine(8, true),
  gpuLine,
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
