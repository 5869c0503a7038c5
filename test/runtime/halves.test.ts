/** Weights in the 16 bits of their files: a run keeps the very bits that it keeps with all of them in f32, in half the memory. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { compile } from "../../compiler/compile.js";
import { explainPlan } from "../../compiler/explain.js";
import { explainText } from "../../compiler/explain-text.js";
import type { Plan } from "../../compiler/plan.js";
import type { Target } from "../../compiler/schedule/target.js";
import { fileHost } from "../../runtime/cli/host.js";
import { type HalfDtype, narrow } from "../../runtime/formats/float16.js";
import { silent } from "../../runtime/run/reporter.js";
import { type RunOutcome, startRun } from "../../runtime/run/run.js";
import { fileOf } from "../support/safetensors-bytes.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

// Of odd sizes, so that numbers lie in either half of a word, and the last word of a tensor is half full.
const SPEC = `edition 1
model teacher = open("model")
data texts = text("texts/*.txt") { window 32 }
score merit of teacher on texts {
  take 5 windows
  hidden, mlp by activation(batch: l2, position: mean)
  query by magnitude
  layer by block_influence
}
prune student from teacher using merit {
  hidden 16 -> 13
  mlp 24 -> 9
}
distill healed = student from teacher on texts {
  loss kld(temperature: 1)
  stop 2 steps
  batch 2 windows
  optimizer adamw(beta: [0.9, 0.95], decay: 0.0, clip: 1.0)
  rate cosine(2e-3 -> 2e-4)
}
data few = text("texts/*.txt") {
  window 32
  take 5 windows
}
evaluate teacher, student, healed on few { loss }
export healed to "half" { dtype f32 }
`;

interface Entry {
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** The file of F32 tensors in 16 bits. */
const halved = (file: Buffer, dtype: HalfDtype): Buffer => {
  const start = 8 + Number(file.readBigUInt64LE());
  const entries: [string, Entry][] = Object.entries(JSON.parse(file.toString("utf8", 8, start)));
  const floats = new Float32Array(Uint8Array.from(file.subarray(start)).buffer);
  const halves = new Uint16Array(floats.length);
  narrow(dtype, floats, halves);
  const header = entries.map(([name, { shape, data_offsets }]): [string, unknown] => [
    name,
    { dtype: dtype.toUpperCase(), shape, data_offsets: data_offsets.map((at) => at / 2) },
  ]);
  return fileOf(Object.fromEntries(header), new Uint8Array(halves.buffer));
};

const DTYPES = ["bf16", "f16"] as const;
const projects = new Map<string, TinyProject>();

const projectOf = (dtype: HalfDtype): TinyProject => {
  const project = makeTinyProject(SPEC);
  const file = join(project.model, "model.safetensors");
  writeFileSync(file, halved(readFileSync(file), dtype));
  return project;
};

const folderOf = (dtype: string): string => projects.get(dtype)?.folder ?? "";

beforeAll(() => {
  for (const dtype of DTYPES) projects.set(dtype, projectOf(dtype));
});
afterAll(() => {
  for (const { folder } of projects.values()) rmSync(folder, { recursive: true, force: true });
});

const METRICS = `edition 1
model teacher = open("model")
data few = text("texts/*.txt") {
  window 32
  take 5 windows
}
evaluate teacher on few { loss }
`;

const planOf = (folder: string, target: Partial<Target>, spec = SPEC): Plan => {
  const { recipe, diagnostics } = check("tiny.prune", spec, fileHost(folder));
  if (recipe === null) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return compile(recipe, { texts: 66, few: 5 }, target);
};

const run = (folder: string, name: string, plan: Plan): Promise<RunOutcome> =>
  startRun({
    plan,
    spec: null,
    base: folder,
    out: join(folder, name),
    scores: join(folder, `${name}-scores`),
    adapter: process.env.ESPALIER_ADAPTER ?? "embedded",
    force: true,
    reporter: silent,
    interrupted: () => false,
  });

const keptBy = ({ out, measures }: RunOutcome) => ({
  measures: measures.map(({ value }) => value),
  decisions: JSON.parse(readFileSync(join(out, "decisions.json"), "utf8")).prunes,
  weights: readFileSync(join(out, "half/model.safetensors")).toString("hex"),
});

const typesOf = (plan: Plan, model: string): Record<string, string> =>
  Object.fromEntries(
    plan.models[model]?.weights.map(({ weight, dtype }) => [weight, dtype] as const) ?? [],
  );

test("a run gives the same bits as with weights in f32", async () => {
  const folder = folderOf("bf16");
  const half = await run(folder, "as-stored", planOf(folder, {}));
  const whole = await run(folder, "as-f32", planOf(folder, { halves: false }));
  expect(half.measures.length).toBe(3);
  expect(keptBy(half)).toEqual(keptBy(whole));
});

test.each(
  DTYPES,
)("a model of %s takes half the memory, and what is cut from it; what is trained is f32", (dtype) => {
  const plan = planOf(folderOf(dtype), {});
  for (const model of ["teacher", "student"]) {
    expect(typesOf(plan, model)).toMatchObject({ embed: dtype, q_proj: dtype, gate: dtype });
    expect(typesOf(plan, model).input_norm).toBe("f32");
  }
  expect(new Set(Object.values(typesOf(plan, "healed")))).toEqual(new Set(["f32"]));
  const f32 = planOf(folderOf(dtype), { halves: false }).models.teacher?.bytes ?? 0;
  expect(plan.models.teacher?.bytes).toBeLessThan(0.55 * f32);
});

test("explain says what the weights take on the device, and in which types", () => {
  const rows = (target: Partial<Target>): string[] =>
    explainText(explainPlan(planOf(folderOf("f16"), target)))
      .split("\n")
      .filter((line) => /^ {2}(weights|stored)/.test(line))
      .map((line) => line.trim().replaceAll(/ {2,}/g, " | "));
  const sizes = "weights on device | 0.1 MiB | 0.1 MiB | 0.1 MiB";
  expect(rows({})).toEqual([sizes, "stored there in | f16, f32 | f16, f32 | f32"]);
  expect(rows({ halves: false })).toEqual([sizes, "stored there in | f32 | f32 | f32"]);
});

test("layer by layer, weights are in 16 bits too", async () => {
  const folder = folderOf("f16");
  const plan = planOf(folder, { memory: 1_000_000 }, METRICS);
  const whole = await run(folder, "whole", planOf(folder, { halves: false }, METRICS));
  const streamed = await run(folder, "streamed", plan);
  expect(JSON.stringify(plan.stages)).toMatch(/"streaming":\{/);
  expect(streamed.measures[0]?.value).toBeCloseTo(whole.measures[0]?.value ?? Number.NaN, 4);
});
