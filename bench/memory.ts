/**
 * Memory of training: what must live (weights, optimiser, the activations kept of one micro-batch) beside the most there was
 * on the device, and whether anything grows over the steps, on the device or in the process.
 */
import { writeFileSync } from "node:fs";
import type { DistillStage, Plan } from "../compiler/plan.js";
import { openDevice } from "../runtime/device.js";
import { ofFloats } from "../runtime/formats/stored-tensor.js";
import { elementsOf, type Weights } from "../runtime/formats/weights.js";
import { adapterIdentity } from "../runtime/run/adapter-identity.js";
import { layoutNamed, type RunContext } from "../runtime/run/context.js";
import { runDistill } from "../runtime/run/distill.js";
import { openSession, stageOf } from "./contestants/stages.js";
import { EXAMPLES } from "./places.js";
import { markdownTable } from "./table.js";

const STEPS = 2000;
/** The process is looked at this often, in steps. */
const EVERY = 100;

/** The example's model and its half, in steps of one short window so that many pass. */
const spec = (windows: number, window: number): string => `edition 1
model teacher = open("models/sotu-1m")
data speeches = text("data/sotu/train/*.txt") { window ${window} }
score merit of teacher on speeches {
  take 2 windows
  hidden, mlp by activation
}
prune student from teacher using merit {
  hidden 128 -> 96
  mlp    384 -> 256
}
distill healed = student from teacher on speeches {
  loss      kld(temperature: 1)
  stop      ${STEPS} steps
  batch     ${windows} windows
  optimizer adamw(beta: [0.9, 0.95], decay: 0.0, clip: 1.0)
  rate      constant(1e-4)
  checkpoint every ${STEPS} steps
}
`;

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

export interface Held {
  /** Weights of teacher and student, gradients, both moments, and kept activations; in bytes. */
  readonly must: number;
  /** The most on the device during the stage. */
  readonly peak: number;
}

const mustLive = (plan: Plan, stage: DistillStage): number => {
  const bytes = (model: string | null): number => plan.models[model ?? ""]?.bytes ?? 0;
  return bytes(stage.teacher) + 4 * bytes(stage.name) + stage.activationBytes;
};

/** The training alone, of a student whose weights are small numbers: nothing is scored or pruned before. */
const readyToTrain = (context: RunContext): DistillStage => {
  const stage = stageOf(context.plan, "distill");
  const layout = layoutNamed(context, stage.student);
  const weights: Weights = {
    layout,
    tensor: (weight) =>
      ofFloats(Float32Array.from({ length: elementsOf(weight) }, (_, i) => Math.sin(i) / 20)),
    close: async () => {},
  };
  context.models.set(stage.student, { weights, side: [], texts: null });
  return stage;
};

const heldBy = async (adapter: string, windows: number, window: number): Promise<Held> => {
  const device = await openDevice({ adapter });
  try {
    const { context, close } = await openSession(device, {
      spec: spec(windows, window),
      base: EXAMPLES,
    });
    const stage = readyToTrain(context);
    await runDistill(context, { ...stage, steps: 3 });
    const { peak } = context.executor.memory();
    await close();
    return { must: mustLive(context.plan, stage), peak };
  } finally {
    device.close();
  }
};

interface Moment {
  readonly step: number;
  /** Bytes on the device, and resident in the process (a software adapter's device memory among them). */
  readonly device: number;
  readonly resident: number;
}

const over = async (adapter: string): Promise<{ moments: Moment[]; adapter: string }> => {
  const device = await openDevice({ adapter });
  const moments: Moment[] = [];
  try {
    const { context, close } = await openSession(device, { spec: spec(1, 16), base: EXAMPLES });
    const stage = readyToTrain(context);
    const look = ({ done }: { readonly done: number }): void => {
      if (done % EVERY !== 0) return;
      const { bytes } = context.executor.memory();
      moments.push({ step: done, device: bytes, resident: process.memoryUsage.rss() });
    };
    await runDistill({ ...context, reporter: { ...context.reporter, progress: look } }, stage);
    await close();
    return { moments, adapter: adapterIdentity(device.report) };
  } finally {
    device.close();
  }
};

export interface MemoryOptions {
  readonly adapter: string;
  readonly json?: string;
}

const SHAPES = [
  [1, 256],
  [2, 256],
  [8, 256],
] as const;

/** Measures both and prints them. */
export const memoryCommand = async ({ adapter, json }: MemoryOptions): Promise<void> => {
  const held: (Held & { readonly tokens: number })[] = [];
  for (const [windows, window] of SHAPES)
    held.push({ tokens: windows * window, ...(await heldBy(adapter, windows, window)) });
  const rows = held.map(({ tokens, must, peak }) => [
    String(tokens),
    mebibytes(must),
    mebibytes(peak),
    (peak / must).toFixed(2),
  ]);
  const head = ["tokens a step", "must live, MiB", "peak, MiB", "ratio"];
  process.stdout.write(`${markdownTable(head, rows)}\n\n`);
  const long = await over(adapter);
  const steps = long.moments
    .filter((_, at) => at === 0 || (at + 1) % 5 === 0)
    .map(({ step, device, resident }) => [String(step), mebibytes(device), mebibytes(resident)]);
  process.stdout.write(
    `${long.adapter}\n\n${markdownTable(["step", "device, MiB", "resident, MiB"], steps)}\n`,
  );
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ held, ...long }, null, 2)}\n`);
};
