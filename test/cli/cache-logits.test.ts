/** A teacher's logits kept on disk: the same weights as with the teacher, shared, gone on with, and never read half-written. */
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { compile, countedData } from "../../compiler/compile.js";
import { explainPlan } from "../../compiler/explain.js";
import { explainText } from "../../compiler/explain-text.js";
import { fileHost } from "../../runtime/cli/host.js";
import { ended, espalier, startEspalier } from "../support/espalier.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

/** Two windows of 32 a step; over and over the data. */
const training = (name: string, cache: string, steps: number): string => `
distill ${name} = student from teacher on texts {
  loss kld(top: 5) + 0.1 * cross_entropy()
  stop ${steps} steps
  batch 2 windows
  rate constant(1e-3)
  ${cache}
}
export ${name} to "${name}" { dtype f32 }
`;

const spec = (stages: string): string => `edition 1
model teacher = open("model")
data texts = text("texts/*.txt") {
  window 32
  take   66 windows
}
score merit of teacher on texts {
  take 4 windows
  hidden by activation
}
prune student from teacher using merit { hidden 16 -> 12 }
${stages}`;

const CACHE = "cache_logits top 8";

let project: TinyProject;
beforeAll(() => {
  project = makeTinyProject(spec(training("healed", "", 34)));
});
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

let runs = 0;
const write = (text: string): string => {
  const path = join(project.folder, `spec${runs++}.prune`);
  writeFileSync(path, text);
  return path;
};

const outOf = (name: string): string => join(project.folder, name);
const weights = (out: string, name = "healed"): Buffer =>
  readFileSync(join(outOf(out), name, "model.safetensors"));

/** Runs a spec; gives what it says of logits. */
const run = async (text: string, out: string, scores: string): Promise<string[]> => {
  const kept = ["--scores", join(project.folder, scores)];
  const { code, stderr } = await espalier(["run", write(text), "--out", outOf(out), ...kept]);
  expect(stderr).not.toMatch(/error/);
  expect(code).toBe(0);
  return [...stderr.matchAll(/logits (reused|kept[^:]*):/g)].map(([, what]) => what ?? "");
};

const fileIn = (scores: string): string => {
  const folder = join(project.folder, scores);
  const files = existsSync(folder) ? readdirSync(folder) : [];
  return join(folder, files.find((file) => file.endsWith(".logits")) ?? "missing");
};

test("weights are those trained with the teacher; stages and runs share what is kept, and add what they lack", async () => {
  expect(await run(spec(training("healed", "", 34)), "plain", "none")).toEqual([]);
  expect(await run(spec(training("healed", CACHE, 4)), "few", "kept")).toEqual([
    "kept, 8 of 8 windows",
  ]);
  const both = spec(training("healed", CACHE, 34) + training("again", CACHE, 34));
  expect(await run(both, "cached", "kept")).toEqual(["kept, 58 of 66 windows", "reused"]);
  expect(weights("cached").equals(weights("plain"))).toBe(true);
  // Values and places of 8 tokens, and a hash of each window.
  expect(statSync(fileIn("kept")).size).toBe(66 * (32 * 8 * (4 + 2) + 8));
});

test("windows that are lacking or broken are made again, and no others", async () => {
  const file = fileIn("kept");
  const whole = readFileSync(file);
  const broken = Buffer.from(whole);
  const slot = whole.length / 66;
  broken.writeUInt8(broken.readUInt8(7 * slot + 3) ^ 1, 7 * slot + 3);
  broken.fill(0, 50 * slot, 51 * slot);
  writeFileSync(file, broken);
  // In the middle of a window.
  truncateSync(file, 64 * slot + slot / 2);
  const text = spec(training("healed", CACHE, 34));
  expect(await run(text, "mended", "kept")).toEqual(["kept, 4 of 66 windows"]);
  expect(readFileSync(file).equals(whole)).toBe(true);
  expect(weights("mended").equals(weights("plain"))).toBe(true);
});

test("killed while logits are kept, a run is resumed to the same weights", async () => {
  const child = startEspalier(
    ["run", write(spec(training("healed", CACHE, 34))), "--out", outOf("killed")].concat([
      "--scores",
      join(project.folder, "cut"),
    ]),
  );
  const end = ended(child);
  const begun = () => existsSync(fileIn("cut")) && statSync(fileIn("cut")).size > 0;
  while (!begun() && child.exitCode === null) await new Promise((r) => setTimeout(r, 1));
  child.kill("SIGKILL");
  await end;
  const scores = ["--scores", join(project.folder, "cut")];
  expect((await espalier(["resume", outOf("killed"), ...scores])).code).toBe(0);
  expect(weights("killed").equals(weights("plain"))).toBe(true);
});

test.runIf(existsSync("/dev/full"))("a full disk is said in one line", async () => {
  const file = fileIn("kept");
  rmSync(file);
  symlinkSync("/dev/full", file);
  const args = ["run", write(spec(training("healed", CACHE, 34))), "--out", outOf("full")];
  const scores = ["--scores", join(project.folder, "kept")];
  const { code, stderr } = await espalier([...args, ...scores]);
  expect(code).toBe(3);
  expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
    /^error: cannot write .*\.logits: the disk is full$/,
  );
});

const planOf = (cache: string) => {
  const text = spec(training("healed", cache, 34));
  const { recipe } = check("tiny.prune", text, fileHost(project.folder));
  if (recipe === null) throw new Error("no recipe");
  expect(countedData(recipe)).toEqual([]);
  return compile(recipe);
};

test("the step holds no teacher, and explain says what goes to disk", () => {
  const [plain, cached] = [planOf(""), planOf(CACHE)];
  const statesOf = (plan: typeof plain): string[] =>
    plan.programs["healed.gradient"]?.buffers.flatMap(({ id, role }) =>
      role === "state" ? [id] : [],
    ) ?? [];
  expect(statesOf(plain)).toContain("teacher.weights");
  expect(statesOf(cached)).not.toContain("teacher.weights");
  const text = explainText(explainPlan(cached));
  expect(text).toContain(
    "the 8 largest logits of teacher kept on disk and read in its place: 2,112 tokens x 48 bytes, 0.1 MiB",
  );
  const flopsOf = (plan: typeof plain): number =>
    explainPlan(plan)
      .stages.flatMap(({ programs }) => programs)
      .find(({ name }) => name === "healed.gradient")?.flops ?? Number.NaN;
  expect(flopsOf(cached)).toBeLessThan(flopsOf(plain));
});
