/**
 * Time of a distillation step against tokens, layers and width, each over a factor of 16: it should grow no faster than
 * the FLOPs. Models are of random weights and teach copies of themselves.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan, Program } from "../compiler/plan.js";
import { openDevice } from "../runtime/device.js";
import { adapterIdentity } from "../runtime/run/adapter-identity.js";
import { runDistill } from "../runtime/run/distill.js";
import { writeCheckpoint } from "./checkpoint.js";
import { openSession, stageOf } from "./contestants/stages.js";
import { median } from "./measure.js";
import { EXAMPLES } from "./places.js";
import { markdownTable } from "./table.js";

const AXES = ["tokens", "layers", "width"] as const;
type ScalingAxis = (typeof AXES)[number];

export interface ScalingPoint {
  /** Tokens of a step, layers, or hidden units. */
  readonly value: number;
  readonly gigaflops: number;
  /** Of a step, the median of several. */
  readonly ms: number;
}

export interface Scaling {
  readonly adapter: string;
  readonly axes: readonly {
    readonly axis: ScalingAxis;
    readonly points: readonly ScalingPoint[];
  }[];
}

interface Sizes {
  readonly windows: number;
  readonly layers: number;
  readonly width: number;
}

const WINDOW = 256;
const DIM = 16;
const FACTORS = [1, 2, 4, 8, 16];
/** Steps timed after the first, in each round. */
const STEPS = 4;
/** Over all points, so that what else the machine does for a while is not one point's alone. */
const ROUNDS = 3;

const sizesAt = (axis: ScalingAxis, factor: number): Sizes => {
  switch (axis) {
    case "tokens":
      return { windows: factor, layers: 2, width: 128 };
    case "layers":
      return { windows: 2, layers: factor, width: 128 };
    case "width":
      return { windows: 1, layers: 2, width: 64 * factor };
    default:
      return axis satisfies never;
  }
};

const valueAt = (axis: ScalingAxis, { windows, layers, width }: Sizes): number => {
  switch (axis) {
    case "tokens":
      return windows * WINDOW;
    case "layers":
      return layers;
    case "width":
      return width;
    default:
      return axis satisfies never;
  }
};

const spec = (folder: string, windows: number): string => `edition 1
model teacher = open("${folder}")
data speeches = text("data/sotu/train/*.txt") { window ${WINDOW} }
distill healed = teacher from teacher on speeches {
  loss kld(temperature: 1)
  stop 100 steps
  batch ${windows} windows
  optimizer adamw(beta: [0.9, 0.95], decay: 0.0, clip: 1.0)
  rate constant(1e-4)
}
`;

const flopsOf = (program: Program | undefined): number =>
  program?.dispatches.reduce((sum, { flops }) => sum + flops, 0) ?? 0;

const stepFlops = ({ programs }: Plan, stage: ReturnType<typeof stageOf<"distill">>): number =>
  (stage.windows / stage.micro) * flopsOf(programs[stage.gradient]) +
  flopsOf(programs[stage.update]);

const writeModel = (folder: string, { layers, width }: Sizes): Promise<void> =>
  writeCheckpoint(
    folder,
    {
      hidden_size: width,
      intermediate_size: 3 * width,
      num_hidden_layers: layers,
      num_attention_heads: width / DIM,
      num_key_value_heads: width / DIM / 2,
      head_dim: DIM,
      vocab_size: 2048,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
    },
    join(EXAMPLES, "models/sotu-1m"),
  );

/** What a point takes in one round: FLOPs of a step, and the steps' milliseconds. */
interface Sample {
  readonly gigaflops: number;
  readonly steps: readonly number[];
}

const measure = async (adapter: string, sizes: Sizes): Promise<Sample> => {
  const folder = mkdtempSync(join(tmpdir(), "espalier-scaling-"));
  const device = await openDevice({ adapter });
  try {
    await writeModel(folder, sizes);
    const { context, moments, close } = await openSession(device, {
      spec: spec(folder, sizes.windows),
      base: EXAMPLES,
    });
    const stage = stageOf(context.plan, "distill");
    await runDistill(context, { ...stage, steps: STEPS + 1 });
    const times = moments().map(({ at }) => at);
    const steps = times.slice(1).map((at, index) => at - (times[index] ?? at));
    await close();
    return { gigaflops: stepFlops(context.plan, stage) / 1e9, steps };
  } finally {
    device.close();
    rmSync(folder, { recursive: true, force: true });
  }
};

const nameOf = async (adapter: string): Promise<string> => {
  const device = await openDevice({ adapter });
  device.close();
  return adapterIdentity(device.report);
};

const rows = ({ axes }: Scaling): string[][] =>
  axes.flatMap(({ axis, points }) =>
    points.map(({ value, gigaflops, ms }) => [
      axis,
      String(value),
      gigaflops.toPrecision(3),
      ms.toFixed(0),
      ((gigaflops * 1000) / ms).toPrecision(3),
    ]),
  );

export interface ScalingOptions {
  readonly adapter: string;
  readonly json?: string;
}

/** Measures all points, prints them as a table, and keeps them. */
export const scalingCommand = async ({ adapter, json }: ScalingOptions): Promise<void> => {
  const taken = AXES.map((axis) => ({
    axis,
    points: FACTORS.map((factor) => ({
      factor,
      sizes: sizesAt(axis, factor),
      samples: [] as Sample[],
    })),
  }));
  for (let round = 1; round <= ROUNDS; round++)
    for (const { axis, points } of taken)
      for (const { factor, sizes, samples } of points) {
        process.stderr.write(`${axis} × ${factor}, ${round} of ${ROUNDS} …\n`);
        samples.push(await measure(adapter, sizes));
      }
  const axes = taken.map(({ axis, points }) => ({
    axis,
    points: points.map(({ sizes, samples }): ScalingPoint => {
      const ms = median(samples.flatMap(({ steps }) => steps));
      return { value: valueAt(axis, sizes), gigaflops: samples[0]?.gigaflops ?? 0, ms };
    }),
  }));
  const scaling: Scaling = { adapter: await nameOf(adapter), axes };
  const head = ["axis", "value", "GFLOP a step", "ms a step", "GFLOP/s"];
  process.stdout.write(`${scaling.adapter}\n\n${markdownTable(head, rows(scaling))}\n`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(scaling, null, 2)}\n`);
};
