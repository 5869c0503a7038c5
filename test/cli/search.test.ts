/** A search by the command line: the table of its rankings, and the same one after a kill. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { searchSchema } from "../../runtime/run/rank.js";
import { ended, espalier, startEspalier } from "../support/espalier.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

const SPEC = `edition 1
model teacher = open("model")
data texts = text("texts/*.txt") { window 16 }
data few = text("texts/*.txt") {
  window 16
  take   2 windows
}
score merit of teacher on texts {
  take 4 windows
  hidden, mlp by activation
}
search shape of teacher using merit {
  hidden [8, 12]
  mlp    [12, 24]
  keep   [2, 1]
}
evaluate shape on few { loss }
distill light = shape from teacher on texts {
  loss  kld()
  stop  3 steps
  batch 2 windows
  rate  constant(1e-3)
}
evaluate light on few { loss }
`;

let project: TinyProject;
beforeAll(() => {
  project = makeTinyProject(SPEC);
});
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

const tableOf = (out: string) =>
  searchSchema.parse(JSON.parse(readFileSync(join(out, "search.json"), "utf8")));

test("candidates are ranked before and after light distillation; killed and resumed, the table is the same", async () => {
  const whole = join(project.folder, "whole");
  const { code, stderr } = await espalier(["run", project.spec, "--out", whole]);
  expect(code).toBe(0);
  expect(stderr).toMatch(/rank +hidden +mlp +parameters/);
  const { rankings } = tableOf(whole);
  expect(rankings.map(({ of }) => of)).toEqual(["shape", "light"]);
  for (const { rows } of rankings) {
    expect(rows).toHaveLength(4);
    const values = rows.flatMap(({ value }) => value ?? []);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
  }
  const [first, last] = rankings;
  expect(first?.rows.map(({ kept }) => kept)).toEqual([true, true, false, false]);
  // Only those that went on were trained.
  expect(last?.rows.map(({ value }) => value === null)).toEqual([false, false, true, true]);
  expect(last?.rows.filter(({ kept }) => kept)).toHaveLength(1);
  const trained = readFileSync(join(whole, "metrics.jsonl"), "utf8").match(/"light\.\d"/g);
  expect(new Set(trained).size).toBe(2);

  const out = join(project.folder, "killed");
  const child = startEspalier(["run", project.spec, "--out", out]);
  const end = ended(child);
  while (!existsSync(join(out, "search.json")) && child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill("SIGKILL");
  expect((await end).code).toBe(null);
  expect(tableOf(out).rankings).toEqual(rankings.slice(0, 1));
  expect((await espalier(["resume", out])).code).toBe(0);
  const bytesOf = (folder: string) => readFileSync(join(folder, "search.json"), "utf8");
  expect(bytesOf(out)).toBe(bytesOf(whole));
});

const lossesOf = (out: string, stage: string): readonly number[] =>
  readFileSync(join(out, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter((line) => line.stage === stage && "step" in line)
    .map(({ loss }) => loss);

test("every candidate sees the windows that a distillation of the stage's name sees", async () => {
  const searched = join(project.folder, "whole");
  const [, light] = tableOf(searched).rankings;
  const last = light?.rows.filter(({ value }) => value !== null) ?? [];
  expect(last).toHaveLength(2);
  for (const { id, sizes } of last.slice(1)) {
    const alone = SPEC.replace(
      /search shape[^}]*}\nevaluate shape[^\n]*/,
      `prune shape from teacher using merit {\n  hidden -> ${sizes.hidden}\n  mlp -> ${sizes.mlp}\n}`,
    );
    const spec = join(project.folder, `alone-${id}.prune`);
    writeFileSync(spec, alone);
    const out = join(project.folder, `alone-${id}`);
    expect((await espalier(["run", spec, "--out", out])).code).toBe(0);
    expect(lossesOf(out, "light")).toHaveLength(3);
    expect(lossesOf(searched, `light.${id}`)).toEqual(lossesOf(out, "light"));
  }
});
