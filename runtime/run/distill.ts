/**
 * The distillation stage: per step, gradients of one batch (in micro-batches), then clip and AdamW, all on the device.
 * Loss and gradient norm of a step are read together while the next one runs, so that the queue never waits for the host.
 */
import type { DistillStage } from "../../compiler/plan.js";
import { normals } from "../data/normal.js";
import { batchAt } from "../data/order.js";
import { RunError } from "../errors.js";
import type { LoadedProgram } from "../execute.js";
import { evaluateScalar } from "../scalar.js";
import { batchOf } from "./batch.js";
import { BROKEN_MODEL_HINT } from "./broken-model.js";
import { type Reached, restoreTraining, saveTraining } from "./checkpoint.js";
import {
  corpusOf,
  keepOnly,
  layoutNamed,
  modelNamed,
  programNamed,
  type RunContext,
  releaseProgram,
  upload,
  writeTensor,
  writeWeights,
} from "./context.js";
import { type GivenUp, judged, NO_TRACE, traced } from "./early-stop.js";
import { Interrupted } from "./interrupted.js";
import { type KeptTeacher, openKept } from "./logit-cache.js";

export interface DistillResult {
  readonly steps: number;
  readonly tokens: number;
  /** Loss of the last step. */
  readonly loss: number;
  /** Of a candidate: its mean losses from look to look; else empty. */
  readonly means: readonly number[];
  /** Of a candidate that was left before its last step: why; it has no weights. */
  readonly givenUp: GivenUp | null;
}

interface Training {
  readonly context: RunContext;
  readonly stage: DistillStage;
  /** What stands for the teacher; null where it is there itself, or there is none. */
  readonly kept: KeptTeacher | null;
  readonly gradient: LoadedProgram;
  readonly update: LoadedProgram;
  readonly bytes: number;
  readonly tokensPerStep: number;
}

const states = (name: string) => ({
  weights: `${name}.weights`,
  gradients: `${name}.gradients`,
  first: `${name}.first`,
  second: `${name}.second`,
});

/** Puts weights and moments on the device: from the last checkpoint, else from the student's weights and zeros. */
const start = async (context: RunContext, stage: DistillStage): Promise<Reached> => {
  const { executor } = context;
  const names = states(stage.name);
  for (const name of Object.values(names)) {
    executor.state(name, stage.arenaBytes);
    executor.zero(name);
  }
  const saved = await restoreTraining(context.out, stage.name, names, (state, tensor) =>
    writeTensor(context, state, 0, tensor),
  );
  if (saved !== null) {
    const steps = `${saved.step.toLocaleString("en")} of ${stage.steps.toLocaleString("en")}`;
    context.reporter.line(`going on after step ${steps}`);
    return saved;
  }
  const { weights } = modelNamed(context, stage.student);
  await writeWeights(context, names.weights, layoutNamed(context, stage.name), weights);
  // So that a mapped state is about as large as the state.
  for (const { name, to, from, offset } of stage.maps) {
    const values = normals(context.plan.seed, `${stage.name} ${name}`, to * from, from ** -0.5);
    executor.write(names.weights, offset, values);
  }
  return { step: 0, trace: NO_TRACE };
};

const checkpoint = ({ context, stage, bytes }: Training, reached: Reached): Promise<void> =>
  saveTraining(context.out, stage.name, context.executor, states(stage.name), bytes, reached);

/** Lets go of what only training needs; of one given up, of its weights too. */
const release = async ({ context, stage }: Training, givenUp: boolean): Promise<void> => {
  await releaseProgram(context, stage.gradient);
  await releaseProgram(context, stage.update);
  const { weights, gradients, first, second } = states(stage.name);
  for (const name of [gradients, first, second]) context.executor.release(name);
  if (givenUp) context.executor.release(weights);
  else context.uploaded.add(stage.name);
};

/** What the device says of a step. */
interface StepMeasures {
  /** Mean over micro-batches. */
  readonly loss: number;
  /** Global norm of the gradients, before clipping. */
  readonly norm: number;
}

/** A step handed to the device; its measures come when the device has done it. */
interface Submitted {
  readonly step: number;
  readonly measures: Promise<StepMeasures>;
}

/** A reading that is awaited later: if the device fails before, the step that fails says so. */
const later = <T>(reading: Promise<T>): Promise<T> => {
  reading.catch(() => undefined);
  return reading;
};

const first = (values: Float32Array): number => values[0] ?? Number.NaN;

/** Candidates of a search are ranked against each other, so all of them see the same windows. */
const windowsAt = (context: RunContext, stage: DistillStage, step: number): number[] => {
  const { windows } = corpusOf(context, stage.student, stage.data);
  const order = stage.candidate?.of ?? stage.name;
  return batchAt(context.plan.seed, order, step, stage.windows, windows);
};

const submitStep = async (training: Training, step: number): Promise<Submitted> => {
  const { context, stage } = training;
  const corpus = corpusOf(context, stage.student, stage.data);
  const windows = windowsAt(context, stage, step);
  const losses: Promise<Float32Array>[] = [];
  if (stage.micro < stage.windows) context.executor.zero(states(stage.name).gradients);
  for (let at = 0; at < stage.windows; at += stage.micro) {
    const part = windows.slice(at, at + stage.micro);
    const kept = await training.kept?.feeds(part);
    await training.gradient.run({ ...batchOf(corpus, part), ...kept });
    losses.push(later(training.gradient.output("loss")));
  }
  const rate = evaluateScalar(stage.rate, { step, steps: stage.steps });
  const [beta1, beta2] = stage.beta;
  await training.update.run({
    scalars: new Float32Array([rate, 1 - beta1 ** (step + 1), 1 - beta2 ** (step + 1)]),
  });
  const norm = later(training.update.output("norm"));
  const measures = Promise.all([Promise.all(losses), norm]).then(([all, norms]) => ({
    loss: all.reduce((sum, values) => sum + first(values), 0) / all.length,
    norm: first(norms),
  }));
  return { step, measures: later(measures) };
};

/** Writes a step's line; `seconds` are those since the line before. */
const record = async (
  training: Training,
  step: number,
  { loss, norm }: StepMeasures,
  seconds: number,
): Promise<void> => {
  const { context, stage, tokensPerStep } = training;
  if (!Number.isFinite(loss))
    throw new RunError(`the loss of ${stage.name} is not a number at step ${step + 1}`, {
      hint: step === 0 ? BROKEN_MODEL_HINT : "lower the rate, or lengthen the warm-up",
    });
  const tokens = (step + 1) * tokensPerStep;
  const rate = evaluateScalar(stage.rate, { step, steps: stage.steps });
  const tokensPerSecond = Math.round(tokensPerStep / seconds);
  const line = { stage: stage.name, step, tokens, loss, norm, rate, tokensPerSecond };
  await context.metrics.append(line);
  context.reporter.progress({ done: step + 1, total: stage.steps, tokens, loss });
};

/** The teacher on the device, or what is kept of it in its place. */
const openTeacher = async (
  context: RunContext,
  stage: DistillStage,
): Promise<KeptTeacher | null> => {
  const { teacher, kept } = stage;
  if (teacher !== null && kept !== null) {
    const steps = Array.from({ length: stage.steps }, (_, step) => step);
    const windows = new Set(steps.flatMap((step) => windowsAt(context, stage, step)));
    return openKept(context, { ...kept, teacher, data: stage.data }, [...windows]);
  }
  if (teacher === null) keepOnly(context, null);
  else await upload(context, teacher);
  return null;
};

const train = async (
  context: RunContext,
  stage: DistillStage,
  kept: KeptTeacher | null,
): Promise<DistillResult> => {
  const { step: begin, ...reached } = await start(context, stage);
  const early = stage.candidate?.early ?? null;
  let { trace } = reached;
  await context.metrics.rewind(stage.name, begin);
  const training: Training = {
    context,
    stage,
    kept,
    gradient: await programNamed(context, stage.gradient),
    update: await programNamed(context, stage.update),
    bytes: stage.arenaBytes,
    tokensPerStep: stage.windows * corpusOf(context, stage.student, stage.data).window,
  };
  let pending: Submitted | null = null;
  let loss = Number.NaN;
  let givenUp: GivenUp | null = null;
  let recorded = performance.now();
  const drain = async (): Promise<void> => {
    if (pending === null) return;
    const { step, measures } = pending;
    pending = null;
    const measured = await measures;
    if (stage.candidate !== null && !Number.isFinite(measured.loss)) {
      givenUp = { why: "diverged", step: step + 1 };
      return;
    }
    const now = performance.now();
    await record(training, step, measured, (now - recorded) / 1000);
    recorded = now;
    loss = measured.loss;
    if (early !== null) trace = traced(trace, loss, early);
  };
  let done = begin;
  for (let step = begin; step < stage.steps; step++) {
    const submitted = await submitStep(training, step);
    await drain();
    pending = submitted;
    done = step + 1;
    const stop = context.interrupted();
    const looks = early !== null && done % early.every === 0 && done < stage.steps;
    const saves = stop || (done % stage.checkpointEvery === 0 && done < stage.steps);
    if (looks || saves) await drain();
    if (looks && stage.candidate !== null) givenUp ??= judged(context, stage.candidate, trace);
    if (givenUp !== null) break;
    if (saves) {
      await checkpoint(training, { step: done, trace });
      if (stop && done < stage.steps) throw new Interrupted();
    }
  }
  await drain();
  await release(training, givenUp !== null);
  const steps = givenUp?.step ?? done;
  return { steps, tokens: steps * training.tokensPerStep, loss, means: trace.means, givenUp };
};

/** Runs or goes on with the training; weights stay on the device. Throws Interrupted after a checkpoint when asked to stop. */
export const runDistill = async (
  context: RunContext,
  stage: DistillStage,
): Promise<DistillResult> => {
  const kept = await openTeacher(context, stage);
  try {
    return await train(context, stage, kept);
  } finally {
    await kept?.close();
  }
};
