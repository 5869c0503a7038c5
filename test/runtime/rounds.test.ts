/** A pruning in rounds, with a fold, as a run does it: each round scores what the one before left. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { compile } from "../../compiler/compile.js";
import { fileHost } from "../../runtime/cli/host.js";
import { openCheckpoint } from "../../runtime/formats/checkpoint-folder.js";
import { silent } from "../../runtime/run/reporter.js";
import { startRun } from "../../runtime/run/run.js";
import { readDecisions } from "../../runtime/weights/decisions.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

const SPEC = `edition 1
model teacher = open("model")
data texts = text("texts/*.txt") { window 16 }
score merit of teacher on texts {
  take 4 windows
  mlp, query by activation
}
prune student from teacher using merit {
  mlp   24 -> 12
  query 2 -> 1
  fold mlp by residual
  rounds 2
}
export student to "student" { dtype f32 }
`;

let project: TinyProject;
beforeAll(() => {
  project = makeTinyProject(SPEC);
});
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

test("each round's scores and kept units are recorded, in the numbers of the model before it", async () => {
  const { recipe } = check("tiny.prune", SPEC, fileHost(project.folder));
  if (recipe === null) throw new Error("the spec is wrong");
  const out = join(project.folder, "out");
  const { models } = await startRun({
    plan: compile(recipe, {}),
    spec: null,
    base: project.folder,
    out,
    scores: join(project.folder, "scores"),
    adapter: process.env.ESPALIER_ADAPTER ?? "embedded",
    force: true,
    reporter: silent,
    interrupted: () => false,
  });
  const prunes = (await readDecisions(out))?.prunes ?? [];
  const sizes = prunes.map(({ name, axes }) => [
    name,
    ...axes.filter(({ axis }) => axis === "mlp").map(({ from, keep }) => `${from} ${keep}`),
  ]);
  expect(sizes).toEqual([
    ["student.round1", "24 18"],
    ["student", "18 12"],
  ]);
  const scored = prunes.map(({ axes }) => axes[0]?.sets[0]?.scores ?? []);
  expect(scored.map((scores) => scores.length)).toEqual([24, 18]);
  // Scored anew: not those of the first round that were kept.
  const kept = prunes[0]?.axes[0]?.sets[0]?.kept.map((unit) => scored[0]?.[unit]);
  expect(scored[1]).not.toEqual(kept);
  const checkpoint = await openCheckpoint(join(out, "student"));
  const count = checkpoint.names.reduce((sum, name) => sum + checkpoint.tensor(name).count, 0);
  await checkpoint.close();
  expect(count).toBe(models.find(({ name }) => name === "student")?.parameters);
});
