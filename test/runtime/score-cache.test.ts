/** Scores are kept from run to run: another target reuses them without running anything; whatever they depend on does not. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { compile } from "../../compiler/compile.js";
import { fileHost } from "../../runtime/cli/host.js";
import { startRun } from "../../runtime/run/run.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

interface Spec {
  readonly seed?: number;
  readonly take?: number;
  readonly position?: string;
  readonly hidden?: number;
}

const spec = ({ seed = 0, take = 4, position = "mean", hidden = 12 }: Spec): string => `edition 1
param seed = ${seed}
model teacher = open("model")
data texts = text("texts/*.txt") { window 16 }
score merit of teacher on texts {
  take ${take} windows
  hidden, mlp by activation(batch: l2, position: ${position})
}
prune student from teacher using merit { hidden -> ${hidden} }
export student to "student" { dtype f32 }
`;

let project: TinyProject;
beforeAll(() => {
  project = makeTinyProject(spec({}));
});
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

interface Done {
  readonly reused: boolean;
  /** Bytes of buffers at once: none where nothing ran. */
  readonly device: number;
  readonly decisions: string;
  readonly weights: Buffer;
}

let runs = 0;
const run = async (of: Spec, scores = "scores"): Promise<Done> => {
  const { recipe, diagnostics } = check("tiny.prune", spec(of), fileHost(project.folder));
  if (recipe === null) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  const out = join(project.folder, `run${runs++}`);
  const lines: string[] = [];
  const { memory } = await startRun({
    plan: compile(recipe, {}),
    spec: null,
    base: project.folder,
    out,
    scores: join(project.folder, scores),
    adapter: process.env.ESPALIER_ADAPTER ?? "embedded",
    force: true,
    reporter: {
      begin: () => undefined,
      end: () => undefined,
      progress: () => undefined,
      line: (text) => lines.push(text),
    },
    interrupted: () => false,
  });
  return {
    reused: lines.some((line) => line.startsWith("scores reused: ")),
    device: memory?.device ?? Number.NaN,
    decisions: readFileSync(join(out, "decisions.json"), "utf8"),
    weights: readFileSync(join(out, "student/model.safetensors")),
  };
};

test("another target needs no second pass, and is cut as by scores of its own", async () => {
  const first = await run({});
  expect(first.reused).toBe(false);
  expect(first.device).toBeGreaterThan(0);
  const second = await run({ hidden: 8 });
  expect([second.reused, second.device]).toEqual([true, 0]);
  const alone = await run({ hidden: 8 }, "others");
  expect(alone.reused).toBe(false);
  expect(second.decisions).toBe(alone.decisions);
  expect(second.weights.equals(alone.weights)).toBe(true);
});

test("criterion, windows, seed, texts and weights each have scores of their own", async () => {
  const others = [{ position: "l2" }, { take: 5 }, { seed: 1 }];
  for (const other of others) expect((await run(other)).reused, JSON.stringify(other)).toBe(false);
  for (const other of others) expect((await run(other)).reused).toBe(true);
  for (const path of ["texts/a.txt", "model/model.safetensors"]) {
    const bytes = readFileSync(join(project.folder, path));
    const changed = Buffer.from(bytes);
    changed[changed.length - 2] = (changed.at(-2) ?? 0) ^ 1;
    writeFileSync(join(project.folder, path), changed);
    expect((await run({})).reused, path).toBe(false);
    writeFileSync(join(project.folder, path), bytes);
    expect((await run({})).reused, path).toBe(true);
  }
});

test("a file that is no record of scores is written anew", async () => {
  const broken = "broken";
  await run({}, broken);
  const folder = join(project.folder, broken);
  const [name = ""] = readdirSync(folder);
  writeFileSync(join(folder, name), "{}");
  expect((await run({}, broken)).reused).toBe(false);
  expect((await run({}, broken)).reused).toBe(true);
});
