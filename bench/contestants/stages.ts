/** Whole stages as a run does them, timed by the progress they report: from one step or batch to a later one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "../../compiler/check.js";
import type { ModelLayout, Plan, Stage } from "../../compiler/plan.js";
import { fileHost } from "../../runtime/cli/host.js";
import { planOf } from "../../runtime/cli/planned.js";
import type { Device } from "../../runtime/device.js";
import { createExecutor } from "../../runtime/execute.js";
import { ofFloats } from "../../runtime/formats/stored-tensor.js";
import { elementsOf, type Weights } from "../../runtime/formats/weights.js";
import { closeFiles, layoutNamed, type RunContext } from "../../runtime/run/context.js";
import { runDistill } from "../../runtime/run/distill.js";
import { openInputs } from "../../runtime/run/inputs.js";
import { createJournal } from "../../runtime/run/journal.js";
import { openMetricsLog } from "../../runtime/run/metrics-log.js";
import type { Progress } from "../../runtime/run/reporter.js";
import { silent } from "../../runtime/run/reporter.js";
import { runScore } from "../../runtime/run/score.js";
import { runStage } from "../../runtime/run/stages.js";
import { createTuning } from "../../runtime/tune.js";
import type { Prepared } from "../contestant.js";
import type { DistillTask, LlamaFile, ScoreTask } from "../task.js";
import { readFloats } from "../tensor-file.js";

/** A report of progress and when it came. */
interface Moment extends Progress {
  readonly at: number;
}

interface Session {
  readonly context: RunContext;
  /** Since the last call. */
  readonly moments: () => readonly Moment[];
  /** Closes all files and removes what was written. */
  readonly close: () => Promise<void>;
}

export const openSession = async (
  device: Device,
  { spec, base }: { readonly spec: string; readonly base: string },
): Promise<Session> => {
  const { recipe, diagnostics } = check("bench.prune", spec, fileHost(base));
  if (recipe === null) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  const plan = await planOf(recipe, base);
  const { texts } = await openInputs(plan, base);
  const out = mkdtempSync(join(tmpdir(), "espalier-bench-"));
  let seen: Moment[] = [];
  const context: RunContext = {
    plan,
    base,
    out,
    executor: createExecutor(
      device,
      plan.kernels,
      createTuning(device.report, {}, { folder: null }),
    ),
    journal: await createJournal(out, { plan: "", base, spec: null, adapter: "", tuning: {} }),
    metrics: openMetricsLog(out),
    reporter: {
      ...silent,
      progress: (progress) => seen.push({ ...progress, at: performance.now() }),
    },
    models: new Map(),
    uploaded: new Set(),
    texts,
    programs: new Map(),
    scores: null,
    interrupted: () => false,
  };
  for (const stage of plan.stages) if (stage.kind === "open") await runStage(context, stage);
  return {
    context,
    moments: () => {
      const moments = seen;
      seen = [];
      return moments;
    },
    close: async () => {
      await closeFiles(context);
      rmSync(out, { recursive: true, force: true });
    },
  };
};

export const stageOf = <K extends Stage["kind"]>(
  plan: Plan,
  kind: K,
): Extract<Stage, { kind: K }> => {
  const stage = plan.stages.find((candidate) => candidate.kind === kind);
  if (stage === undefined) throw new Error(`the plan has no stage ${kind}`);
  return stage as Extract<Stage, { kind: K }>;
};

/** From the first report to the last. */
const span = (moments: readonly Moment[]): number => {
  const [first, last] = [moments[0], moments.at(-1)];
  if (first === undefined || last === undefined || first === last)
    throw new Error("too little progress to be timed");
  return last.at - first.at;
};

/** The weights of a file of all of them, as a run reads them. */
const weightsIn = (file: LlamaFile, layout: ModelLayout): Weights => {
  const arena = readFloats(file);
  const offsets = new Map(file.weights.map(({ name, offset }) => [name, offset]));
  return {
    layout,
    tensor: (weight) => {
      const offset = offsets.get(weight.file) ?? Number.NaN;
      return ofFloats(arena.subarray(offset, offset + elementsOf(weight)));
    },
    close: async () => {},
  };
};

export const prepareDistill = async (device: Device, task: DistillTask): Promise<Prepared> => {
  const { context, moments } = await openSession(device, task);
  const stage = stageOf(context.plan, "distill");
  const weights = weightsIn(task.student, layoutNamed(context, stage.student));
  context.models.set(stage.student, { weights, side: [], texts: null });
  const run = async (steps: number): Promise<readonly Moment[]> => {
    await runDistill(context, { ...stage, steps });
    return moments();
  };
  return {
    time: async (repeats) => span(await run(repeats + 1)),
    result: async () => {
      const seen = await run(task.rates.length);
      return [Float32Array.from(seen, ({ loss }) => loss ?? Number.NaN)];
    },
  };
};

export const prepareScore = async (device: Device, task: ScoreTask): Promise<Prepared> => {
  const { context, moments } = await openSession(device, task);
  const stage = stageOf(context.plan, "score");
  const batches = task.tokens.shape[0] ?? 1;
  const sweep = async () => {
    const { tables } = await runScore(context, stage);
    return { tables, moments: moments() };
  };
  return {
    time: async (repeats) => {
      let ms = 0;
      for (let done = 0; done < repeats; done += batches - 1) ms += span((await sweep()).moments);
      return (ms * repeats) / (Math.ceil(repeats / (batches - 1)) * (batches - 1));
    },
    result: async () => {
      const { tables } = await sweep();
      return tables.map(({ scores }) => Float32Array.from(scores));
    },
  };
};
