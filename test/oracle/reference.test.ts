/**
 * Logits and losses of the example's model against PyTorch's (sotu-1m-reference.json): in float64 without a device, and
 * compiled, on the embedded software driver and on the system's where there is one.
 */
import { expect, test } from "vitest";
import { z } from "zod";
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Dense, Graph } from "../../compiler/ir/tensor.js";
import { sizeOf } from "../../compiler/ir/tensor.js";
import { forward } from "../../compiler/library/forward.js";
import { weightInput } from "../../compiler/library/library.js";
import { elaborateLoss } from "../../compiler/library/loss.js";
import type { ModelLayout } from "../../compiler/plan.js";
import { layoutOf } from "../../compiler/planning/layout.js";
import { must } from "../../compiler/planning/outcome.js";
import { feedPlaces, placement, weightPlaces } from "../../compiler/planning/placement.js";
import { feedInputs, windowAxes } from "../../compiler/planning/sweep.js";
import type { Recipe } from "../../compiler/recipe/recipe.js";
import { lower } from "../../compiler/schedule/lower.js";
import { portableTarget } from "../../compiler/schedule/target.js";
import { arenaOf } from "../../laws/weights-in-memory.js";
import { type Device, openDevice } from "../../runtime/device.js";
import { DeviceError } from "../../runtime/device-error.js";
import { createExecutor } from "../../runtime/execute.js";
import { openCheckpoint } from "../../runtime/formats/checkpoint-folder.js";
import { weightsOf as weightsIn } from "../../runtime/formats/weights.js";
import { createTuning } from "../../runtime/tune.js";
import { driverManifests, driverName } from "../../runtime/vulkan.js";
import { sharedDevice } from "../support/device.js";
import { worstError } from "../support/numbers.js";
import { examples, fixture, recipeOf } from "./example.js";

/** Absolute. */
const TOLERANCE = 1e-3;

const reference = z
  .object({
    windows: z.array(z.array(z.number()).length(257)).length(8),
    loss: z.array(z.number()).length(8),
    mean_loss: z.number(),
    top5_at_each_position_of_window_0: z
      .array(z.array(z.tuple([z.int(), z.number()])).length(5))
      .length(256),
    logits_at_position_255_of_window_0: z.array(z.number()).length(2048),
  })
  .parse(fixture("sotu-1m-reference.json"));

const SPEC = `edition 1
model teacher = open("models/sotu-1m")
data texts = text("data/sotu/valid/*.txt") { window 256 }
distill taught = teacher from teacher on texts {
  loss cross_entropy()
  stop 1 steps
  batch 1 windows
  rate constant(1e-3)
}
`;

interface Subject {
  /** Outputs "logits" and "loss" over one window. */
  readonly graph: Graph;
  readonly layout: ModelLayout;
}

const subjectOf = (recipe: Recipe): Subject => {
  const shape = recipe.models.get("teacher")?.shape;
  const step = recipe.steps.find(({ kind }) => kind === "distill");
  const data = recipe.data.get("texts");
  if (shape === undefined || step?.kind !== "distill" || data === undefined)
    throw new Error("the spec has changed");
  const builder = new Builder();
  const { tokens, labels } = feedInputs(builder, windowAxes(1, data));
  const { values } = must(forward(shape, builder, { model: "teacher", tokens }));
  const loss = must(elaborateLoss(step.loss, recipe.library, builder, { student: values, labels }));
  const logits = values.get("logits");
  if (logits === undefined) throw new Error("the architecture has no logits");
  return { graph: { outputs: { logits, loss } }, layout: layoutOf("teacher", shape, 0) };
};

const subject = subjectOf(recipeOf(SPEC));

const weightsOf = async (layout: ModelLayout): Promise<Float32Array> => {
  const checkpoint = await openCheckpoint(`${examples}/models/sotu-1m`);
  try {
    return await arenaOf(weightsIn(checkpoint, layout));
  } finally {
    await checkpoint.close();
  }
};

interface Found {
  readonly logits: ArrayLike<number>;
  readonly loss: number;
}

const feedsOf = (window: readonly number[]) => ({
  tokens: Uint32Array.from(window.slice(0, 256)),
  labels: Uint32Array.from(window.slice(1)),
});

/** One window in float64. */
const inFloat64 = async (window: readonly number[]): Promise<Found> => {
  const arena = await weightsOf(subject.layout);
  const axes = [
    { name: "window", size: 1 },
    { name: "position", size: 256 },
  ];
  const inputs = new Map<string, Dense>(
    Object.entries(feedsOf(window)).map(([name, data]) => [
      name,
      { axes, data: Float64Array.from(data) },
    ]),
  );
  for (const { weight, layer, dims, offset } of subject.layout.weights) {
    const own = dims.flat().map(({ axis, size }) => ({ name: axis, size }));
    const data = Float64Array.from(arena.subarray(offset / 4, offset / 4 + sizeOf(own)));
    inputs.set(weightInput("teacher", weight, layer), { axes: own, data });
  }
  const { logits, loss } = interpret(subject.graph, inputs);
  return { logits: logits?.data ?? [], loss: loss?.data[0] ?? Number.NaN };
};

/** Windows one after another through the compiled program. */
const compiled = async (
  device: Device,
  windows: readonly (readonly number[])[],
): Promise<readonly Found[]> => {
  const { graph, layout } = subject;
  const { program, kernels } = lower(
    "reference",
    graph,
    placement([...weightPlaces(layout), ...feedPlaces], []),
    portableTarget,
  );
  const tuning = createTuning(device.report, {}, { tune: false, folder: null });
  const executor = createExecutor(device, kernels, tuning, { poison: true });
  executor.state("teacher.weights", layout.bytes);
  executor.write("teacher.weights", 0, await weightsOf(layout));
  const loaded = await executor.load(program);
  const found: Found[] = [];
  for (const window of windows) {
    await loaded.run(feedsOf(window));
    const loss = (await loaded.output("loss"))[0] ?? Number.NaN;
    found.push({ logits: await loaded.output("logits"), loss });
  }
  loaded.dispose();
  return found;
};

interface Errors {
  readonly lastLogits: number;
  readonly topLogits: number;
  readonly loss: number;
}

/** The largest differences from the reference, of windows from the first on. */
const errorsOf = (found: readonly Found[]): Errors => {
  const logits = Array.from(found[0]?.logits ?? []);
  const top = reference.top5_at_each_position_of_window_0.flatMap((row, position) =>
    row.map(([token, value]) => [logits[position * 2048 + token] ?? Number.NaN, value] as const),
  );
  return {
    lastLogits: worstError(logits.slice(255 * 2048), reference.logits_at_position_255_of_window_0),
    topLogits: worstError(
      top.map(([value]) => value),
      top.map(([, value]) => value),
    ),
    loss: worstError(
      found.map(({ loss }) => loss),
      reference.loss.slice(0, found.length),
    ),
  };
};

const expectReference = (found: readonly Found[], name: string): void => {
  const errors = errorsOf(found);
  if (process.env.ORACLE_FIGURES === "1")
    process.stdout.write(`${name} ${JSON.stringify(errors)}\n`);
  for (const [what, error] of Object.entries(errors)) expect(error, what).toBeLessThan(TOLERANCE);
};

const expectDevice = async (device: Device): Promise<void> => {
  const found = await compiled(device, reference.windows);
  expect(found).toHaveLength(8);
  expectReference(found, device.report.device);
  const mean = found.reduce((sum, { loss }) => sum + loss, 0) / found.length;
  expect(Math.abs(mean - reference.mean_loss)).toBeLessThan(TOLERANCE);
};

test("float64, without a device", async () => {
  expectReference([await inFloat64(reference.windows[0] ?? [])], "float64");
});

test("the tests' own device", async () => {
  await expectDevice(await sharedDevice());
});

const lavapipe = driverManifests().map(driverName).includes("lvp");

test("lavapipe of the system", async (context) => {
  if (!lavapipe) return context.skip("no lavapipe is installed");
  const opened = await openDevice({ adapter: "llvmpipe" }).catch((error: unknown) => {
    // Dawn refuses releases that are too old; any other failure is ours.
    if (error instanceof DeviceError && /^no adapter/.test(error.message)) return null;
    throw error;
  });
  if (opened === null) return context.skip("Dawn refuses the installed lavapipe");
  try {
    await expectDevice(opened);
  } finally {
    opened.close();
  }
});
