/**
 * A training step on the device, however it is planned: in slices, with layers computed again, in smaller micro-batches:
 * the gradients of the step in one piece.
 */
import { readFileSync, rmSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { compile, DoesNotFit } from "../../compiler/compile.js";
import type { DistillStage, Plan } from "../../compiler/plan.js";
import type { Target } from "../../compiler/schedule/target.js";
import { randomIndex } from "../../laws/random.js";
import { fileHost } from "../../runtime/cli/host.js";
import { createExecutor } from "../../runtime/execute.js";
import { createTuning } from "../../runtime/tune.js";
import { sharedDevice } from "../support/device.js";
import { randomArray, worstError } from "../support/numbers.js";
import { makeTinyProject, TINY, tinySpec } from "../support/tiny-project.js";

const spec = tinySpec()
  .replace("window 32", "window 64")
  .replace("batch 2 windows", "batch 4 windows")
  .replace("kld(temperature: 1)", "0.5 * kld(temperature: 2) + 0.5 * cross_entropy()");
const project = makeTinyProject(spec);
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

interface Planned {
  readonly plan: Plan;
  readonly stage: DistillStage;
}

const planned = (target: Partial<Target>): Planned => {
  const { recipe } = check(
    "tiny.prune",
    readFileSync(project.spec, "utf8"),
    fileHost(project.folder),
  );
  if (recipe === null) throw new Error("the spec is wrong");
  const plan = compile(recipe, {}, target);
  const stage = plan.stages.find((candidate) => candidate.kind === "distill");
  if (stage?.kind !== "distill") throw new Error("no distillation");
  return { plan, stage };
};

const bytesOf = ({ plan, stage }: Planned): number =>
  (plan.programs[stage.gradient]?.buffers ?? []).reduce((sum, { bytes }) => sum + bytes, 0);

const windowIndices = (stream: number): Uint32Array =>
  Uint32Array.from({ length: 4 * 64 }, (_, i) => randomIndex(1, stream, i, TINY.vocab));

/** Mean loss and summed gradients of the same four windows. */
const stepOf = async ({ plan, stage }: Planned) => {
  const device = await sharedDevice();
  const tuning = createTuning(device.report, {}, { tune: false, folder: null });
  const executor = createExecutor(device, plan.kernels, tuning, { poison: true });
  for (const [seed, name] of [stage.teacher ?? "", stage.name].entries()) {
    const { bytes } = plan.models[name] ?? { bytes: 0 };
    executor.state(`${name}.weights`, bytes);
    executor.write(
      `${name}.weights`,
      0,
      randomArray(bytes / 4, seed + 3).map((v) => v * 0.4),
    );
  }
  const gradients = `${stage.name}.gradients`;
  const { bytes } = plan.models[stage.name] ?? { bytes: 0 };
  executor.state(gradients, bytes);
  const program = plan.programs[stage.gradient];
  if (program === undefined) throw new Error("no program");
  const loaded = await executor.load(program);
  const [tokens, labels] = [windowIndices(0), windowIndices(1)];
  let loss = 0;
  for (let window = 0; window < stage.windows; window += stage.micro) {
    const part = (all: Uint32Array) => all.subarray(window * 64, (window + stage.micro) * 64);
    await loaded.run({ tokens: part(tokens), labels: part(labels) });
    loss += ((await loaded.output("loss"))[0] ?? Number.NaN) * (stage.micro / stage.windows);
  }
  const sums = new Float32Array(await executor.read(gradients, 0, bytes));
  loaded.dispose();
  return { loss, gradients: sums.map((v) => v * (stage.micro / stage.windows)) };
};

const whole = planned({ slices: null });

const sliced = { slices: { tokens: 64, leastBytes: 1 } };

/** The least that any plan of it takes. */
const least = ((): number => {
  try {
    planned({ ...sliced, memory: 1_000_000 });
  } catch (error) {
    if (error instanceof DoesNotFit) return error.needed;
    throw error;
  }
  throw new Error("a megabyte is not enough");
})();

const ways: readonly (readonly [string, Partial<Target>, (planned: Planned) => void])[] = [
  ["a window at a time", sliced, (way) => expect(bytesOf(way)).toBeLessThan(0.7 * bytesOf(whole))],
  [
    "two windows at a time, in pieces of bindings",
    { slices: { tokens: 128, leastBytes: 1 }, maxBinding: 2 ** 17 },
    (way) => expect(bytesOf(way)).toBeLessThan(bytesOf(whole)),
  ],
  [
    "in the memory that a micro-batch of one window takes",
    { ...sliced, memory: least + 30_000 },
    ({ stage }) => expect(stage).toMatchObject({ micro: 1, recompute: "cheap" }),
  ],
  [
    "in the least memory, with layers computed again",
    { ...sliced, memory: least },
    ({ stage }) => expect(stage).toMatchObject({ micro: 1, recompute: "layers" }),
  ],
];

test.each(ways)("%s", async (_, target, shows) => {
  const way = planned(target);
  shows(way);
  const [expected, found] = [await stepOf(whole), await stepOf(way)];
  expect(Math.abs(found.loss - expected.loss)).toBeLessThan(1e-5 * expected.loss);
  const most = expected.gradients.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  expect(most).toBeGreaterThan(0);
  expect(worstError(found.gradients, Float64Array.from(expected.gradients))).toBeLessThan(
    1e-5 * most,
  );
});
