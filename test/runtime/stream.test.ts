/** Runs that go layer by layer keep what whole ones keep, whatever waits where between layers, within their memory. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { compile, DoesNotFit } from "../../compiler/compile.js";
import type { Plan, Streaming } from "../../compiler/plan.js";
import { fileHost } from "../../runtime/cli/host.js";
import { checkDisk, checkFits } from "../../runtime/run/fits.js";
import { silent } from "../../runtime/run/reporter.js";
import { type RunOutcome, startRun } from "../../runtime/run/run.js";
import { type DecisionsFile, decisionsSchema } from "../../runtime/weights/decisions.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

const HEAD = `edition 1
model teacher = open("model")
data texts = text("texts/*.txt") { window 32 }
`;

const SCORES = `${HEAD}
score merit of teacher on texts {
  take 21 windows
  hidden, mlp, query by activation(batch: l2, position: mean)
  layer by block_influence
}
score size of teacher on texts {
  take 1 windows
  mlp, query by magnitude
  hidden by activation(batch: mean, position: l2)
}
prune student from teacher using merit {
  hidden 16 -> 12
  mlp 24 -> 16
}
prune other from teacher using size { mlp 24 -> 9 }
export student to "half" { dtype f32 }
`;

/** Of another loss than the standard library's criteria. */
const STEEPNESS = `edition 1
criterion steepness[others] of weight w {
  square = mean[window, position](sum[vocab](model.logits * model.logits))
  sum[others](abs(gradient(square, w)))
}
`;

/** Gradients go back through all layers, and the tokens' table has some from both its ends. */
const GRADIENTS = `${HEAD.replace("\n", '\nuse "steepness.prune"\n')}
score merit of teacher on texts {
  take 21 windows
  mlp by taylor_activation
  hidden by taylor
  query by steepness
}
prune student from teacher using merit {
  hidden 16 -> 12
  mlp 24 -> 16
}
export student to "half" { dtype f32 }
`;

/** A model without each of its layers is another pass for each. */
const REMOVAL = `${HEAD}
score merit of teacher on texts {
  take 21 windows
  layer by removal_error
}
prune student from teacher using merit { layer 2 -> 1 }
export student to "half" { dtype f32 }
`;

const QUIZ = `${HEAD}
data quiz = choices("quiz.jsonl") { window 64 }
evaluate teacher on quiz { acc, answer_likelihood }
`;

const METRICS = `${HEAD}
evaluate teacher on texts { loss }
`;

let project: TinyProject;

beforeAll(() => {
  project = makeTinyProject(SCORES);
  writeFileSync(join(project.folder, "steepness.prune"), STEEPNESS);
});
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

const planOf = (spec: string, memory: number | null): Plan => {
  const { recipe, diagnostics } = check(project.spec, spec, fileHost(project.folder));
  if (recipe === null) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return compile(recipe, { texts: 66 }, { memory });
};

const run = (name: string, plan: Plan): Promise<RunOutcome> =>
  startRun({
    plan,
    spec: null,
    base: project.folder,
    out: join(project.folder, name),
    scores: join(project.folder, `${name}-scores`),
    adapter: process.env.ESPALIER_ADAPTER ?? "embedded",
    force: true,
    reporter: silent,
    interrupted: () => false,
  });

interface Kept {
  readonly prunes: DecisionsFile["prunes"];
  readonly weights: string;
}

const keptBy = ({ out }: RunOutcome): Kept => ({
  prunes: decisionsSchema.parse(JSON.parse(readFileSync(join(out, "decisions.json"), "utf8")))
    .prunes,
  weights: readFileSync(join(out, "half/model.safetensors")).toString("hex"),
});

/** The same units, so the same weights; scores up to rounding, as batches differ. */
const expectSame = (found: Kept, whole: Kept): void => {
  expect(found.weights).toBe(whole.weights);
  const setsOf = ({ prunes }: Kept) => prunes.flatMap(({ axes }) => axes.flatMap((a) => a.sets));
  const sets = setsOf(found);
  for (const [i, { kept, scores }] of setsOf(whole).entries()) {
    expect(sets[i]?.kept).toEqual(kept);
    scores.forEach((score, unit) => {
      expect(Math.abs((sets[i]?.scores[unit] ?? Number.NaN) - score)).toBeLessThan(
        1e-5 * Math.max(1, score),
      );
    });
  }
};

const streamingOf = (plan: Plan): readonly Streaming[] =>
  plan.stages.flatMap((stage) => {
    if (stage.kind === "score" && stage.pass.kind === "sweep")
      return stage.pass.sweep.streaming ?? [];
    return stage.kind === "evaluate"
      ? stage.entries.flatMap(({ sweep }) => sweep.streaming ?? [])
      : [];
  });

/** The least memory that the spec can be planned for. */
const leastMemory = (spec: string): number => {
  let memory = 1;
  for (;;)
    try {
      planOf(spec, memory);
      return memory;
    } catch (error) {
      if (!(error instanceof DoesNotFit)) throw error;
      expect(error.needed).toBeGreaterThan(memory);
      memory = error.needed;
    }
};

/** Values between layers wait elsewhere than planned. */
const waiting = (plan: Plan, change: Partial<Streaming>): Plan =>
  JSON.parse(JSON.stringify(plan), (_, value) =>
    typeof value === "object" && value !== null && "storeBytes" in value
      ? { ...value, ...change }
      : value,
  );

/** What is read back is copied to a buffer of its own, beside what the plan counts. */
const READ_BACK = 2 ** 16;

const CASES = [
  ["scores", SCORES, 2],
  ["gradients", GRADIENTS, 1],
] as const;

test.each(
  CASES,
)("%s are the same up to rounding, whatever waits where between layers", async (title, spec, sweeps) => {
  const whole = keptBy(await run(`${title} whole`, planOf(spec, null)));
  const least = leastMemory(spec);
  for (const [name, times, change] of [
    ["device", 1.4, {}],
    ["a part of each", 1.1, { hostBytes: 2 ** 14 }],
    ["host", 1, { storeBytes: 0, hostBytes: 2 ** 20 }],
    ["disk", 1, { storeBytes: 0, hostBytes: 0 }],
  ] as const) {
    const memory = Math.floor(least * times);
    const plan = planOf(spec, memory);
    expect(streamingOf(plan).length).toBe(sweeps);
    const found = await run(`${title} ${name}`, waiting(plan, change));
    expectSame(keptBy(found), whole);
    expect(found.memory?.device).toBeLessThanOrEqual(memory + READ_BACK);
    expect(existsSync(join(found.out, ".espalier/merit.carried"))).toBe(false);
  }
});

test("metrics are the same up to the order of sums", async () => {
  const [whole] = (await run("metrics", planOf(METRICS, null))).measures;
  const memory = leastMemory(METRICS);
  const plan = planOf(METRICS, memory);
  expect(streamingOf(plan).length).toBe(1);
  const found = await run("metrics by layers", plan);
  expect(found.measures[0]?.value).toBeCloseTo(whole?.value ?? Number.NaN, 4);
  expect(found.memory?.device).toBeLessThanOrEqual(memory + READ_BACK);
});

test("what looks at all layers at once goes in smaller batches, or is refused with what it takes", async () => {
  const whole = keptBy(await run("removal", planOf(REMOVAL, null)));
  const memory = leastMemory(REMOVAL);
  const plan = planOf(REMOVAL, memory);
  expect(streamingOf(plan)).toEqual([]);
  const found = await run("removal in batches", plan);
  expectSame(keptBy(found), whole);
  expect(found.memory?.device).toBeLessThanOrEqual(memory + READ_BACK);
  expect(() => planOf(REMOVAL, memory - 1)).toThrow(
    expect.objectContaining({ needed: memory, whole: expect.stringMatching(/several layers/) }),
  );
});

test("questions are asked few at a time, or refused with what they take", async () => {
  const rows = ["one two", "three"].map((question) =>
    JSON.stringify({ question, choices: ["four", "five six"], answer: 1 }),
  );
  writeFileSync(join(project.folder, "quiz.jsonl"), rows.join("\n"));
  const whole = (await run("quiz", planOf(QUIZ, null))).measures;
  const memory = leastMemory(QUIZ);
  const found = await run("quiz few at a time", planOf(QUIZ, memory));
  expect(whole.map(({ metric }) => metric)).toEqual(["acc", "answer_likelihood"]);
  for (const [at, { value }] of whole.entries())
    expect(found.measures[at]?.value).toBeCloseTo(value, 4);
  expect(found.memory?.device).toBeLessThanOrEqual(memory + READ_BACK);
  expect(() => planOf(QUIZ, memory - 1)).toThrow(
    expect.objectContaining({ needed: memory, whole: expect.stringMatching(/questions/) }),
  );
});

test("the whole model is planned where it fits, and in one piece where nothing is said", () => {
  expect(streamingOf(planOf(SCORES, null))).toEqual([]);
  expect(streamingOf(planOf(SCORES, 2 ** 30))).toEqual([]);
});

test("a buffer that the adapter cannot have is said before anything runs", () => {
  const plan = planOf(SCORES, null);
  expect(() => checkFits(plan, 2 ** 30)).not.toThrow();
  expect(() => checkFits(plan, 100_000)).toThrow(
    /^score merit needs teacher.weights of 1 MiB in one buffer, and this adapter's largest is 1 MiB$/,
  );
  expect(() => checkFits(plan, 100_000)).toThrow(
    expect.objectContaining({ hint: expect.stringMatching(/--memory/) }),
  );
});

test("what waits on disk is counted, and refused where it is more than is free", async () => {
  const plan = planOf(GRADIENTS, leastMemory(GRADIENTS));
  const [{ waitingBytes = 0, storeBytes = 0, hostBytes = 0, diskBytes = 0 } = {}] =
    streamingOf(plan);
  expect(storeBytes).toBe(0);
  expect(diskBytes).toBe(Math.max(0, 21 * waitingBytes - hostBytes));
  await checkDisk(plan, project.folder);
  await expect(checkDisk(waiting(plan, { diskBytes: 2 ** 70 }), project.folder)).rejects.toThrow(
    /^score merit keeps \d+ MiB on disk between layers, and \d+ MiB are free/,
  );
});

test("so is one of a model that goes through layer by layer", () => {
  const plan = planOf(SCORES, leastMemory(SCORES));
  const largest = (names: readonly string[]): number =>
    Math.max(...names.flatMap((name) => plan.programs[name]?.buffers ?? []).map((of) => of.bytes));
  const segments = streamingOf(plan).flatMap(({ segments: all }) => all);
  const most = largest(segments.flatMap(({ batches }) => batches.map(({ program }) => program)));
  const finish = plan.stages.flatMap((stage) =>
    stage.kind === "score" && stage.pass.kind === "sweep" ? stage.pass.sweep.finish : [],
  );
  expect(largest(finish)).toBeLessThan(most);
  expect(() => checkFits(plan, most)).not.toThrow();
  expect(() => checkFits(plan, most - 1)).toThrow(/^score merit needs /);
});
