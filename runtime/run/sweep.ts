/** Runs a sweep: batches of windows add to accumulators on the device, then `finish` gives the results. */
import type { Sweep } from "../../compiler/plan.js";
import type { Corpus } from "../data/corpus.js";
import { shuffledWindows } from "../data/order.js";
import { RunError } from "../errors.js";
import { batchesOf, batchOf } from "./batch.js";
import {
  corpusOf,
  keepOnly,
  modelNamed,
  programNamed,
  type RunContext,
  releaseProgram,
  upload,
} from "./context.js";
import { runStreaming } from "./stream.js";

/** The windows a sweep looks at, in order: the first ones, or a seeded sample. */
export const sweepWindows = (
  context: RunContext,
  model: string,
  sweep: Sweep,
  stage: string,
): readonly number[] => {
  const { windows } = corpusOf(context, model, sweep.data);
  if (windows < sweep.windows)
    throw new RunError(
      `data ${sweep.data} has ${windows} windows, the recipe takes ${sweep.windows}`,
      { hint: "take fewer windows, or give it more files" },
    );
  switch (sweep.order) {
    case "sequential":
      return Array.from({ length: sweep.windows }, (_, index) => index);
    case "shuffled":
      return shuffledWindows(context.plan.seed, stage, windows).slice(0, sweep.windows);
    default:
      return sweep.order satisfies never;
  }
};

export interface SweepResult {
  /** Of `finish`, by name. */
  readonly outputs: ReadonlyMap<string, Float32Array>;
  /** Once it was under way, so without compiling; null where that was too short to say. */
  readonly tokensPerSecond: number | null;
}

/** The batches of a sweep in one piece; returns tokens a second, as in SweepResult. */
const runWhole = async (
  context: RunContext,
  corpus: Corpus,
  sweep: Sweep,
  windows: readonly number[],
): Promise<number | null> => {
  for (const batch of sweep.batches) await programNamed(context, batch.program);
  for (const accumulator of sweep.accumulators) context.executor.zero(accumulator);
  let since: { readonly at: number; readonly done: number } | null = null;
  let done = 0;
  for (const batch of batchesOf(sweep.batches, windows)) {
    const program = await programNamed(context, batch.program);
    await program.run({ ...batchOf(corpus, batch.windows) });
    const before = done;
    done += batch.windows.length;
    await context.executor.settle();
    // All but the batch just submitted is done.
    if (before > 0) since ??= { at: performance.now(), done: before };
    context.reporter.progress({ done, total: sweep.windows, tokens: done * corpus.window });
  }
  await context.executor.finish();
  for (const batch of sweep.batches) await releaseProgram(context, batch.program);
  return since === null
    ? null
    : ((sweep.windows - since.done) * corpus.window * 1000) / (performance.now() - since.at);
};

/** Runs the sweep of a model over these windows; `name` tells it from others. */
export const runSweep = async (
  context: RunContext,
  name: string,
  model: string,
  sweep: Sweep,
  windows: readonly number[],
): Promise<SweepResult> => {
  const corpus = corpusOf(context, model, sweep.data);
  let tokensPerSecond: number | null = null;
  if (sweep.streaming === null) {
    await upload(context, model);
    tokensPerSecond = await runWhole(context, corpus, sweep, windows);
  } else {
    keepOnly(context, null);
    const { weights } = modelNamed(context, model);
    await runStreaming(context, name, sweep, sweep.streaming, { corpus, weights }, windows);
  }
  const finish = await programNamed(context, sweep.finish);
  await finish.run({});
  const names = context.plan.programs[sweep.finish]?.outputs.map((output) => output.name) ?? [];
  const outputs = new Map<string, Float32Array>();
  for (const output of names) outputs.set(output, await finish.output(output));
  await releaseProgram(context, sweep.finish);
  if (sweep.streaming !== null) context.executor.release(sweep.streaming.accumulators.state);
  return { outputs, tokensPerSecond };
};
