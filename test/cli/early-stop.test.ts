/** Candidates given up while they train: the rule, and a run that is killed after one was and goes on to the same table. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hopelessAgainst, NO_TRACE, traced } from "../../runtime/run/early-stop.js";
import { searchSchema } from "../../runtime/run/rank.js";
import { ended, espalier, startEspalier } from "../support/espalier.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

// The widest come first, so that the narrow ones have something to be measured by.
const SPEC = `edition 1
model teacher = open("model")
data texts = text("texts/*.txt") { window 16 }
score merit of teacher on texts {
  take 4 windows
  hidden, mlp by activation
}
search shape of teacher using merit {
  hidden [16, 4]
  mlp    [24, 12]
  keep   2
}
distill light = shape from teacher on texts {
  loss       kld()
  stop       7 steps
  batch      2 windows
  rate       constant(1e-3)
  checkpoint every 1 steps
  early_stop every 2 steps
}
evaluate light on texts { loss }
`;

let project: TinyProject;
beforeAll(() => {
  project = makeTinyProject(SPEC);
});
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

const tableOf = (out: string) =>
  searchSchema.parse(JSON.parse(readFileSync(join(out, "search.json"), "utf8")));

const stepsOf = (out: string): Record<string, number> => {
  const names =
    readFileSync(join(out, "metrics.jsonl"), "utf8").match(/"stage":"light\.\d"/g) ?? [];
  return Object.fromEntries(
    [...new Set(names)].map((name) => [
      name.slice(9, -1),
      names.filter((other) => other === name).length,
    ]),
  );
};

test("a hopeless candidate trains no further; killed and resumed, the table is the same", async () => {
  const whole = join(project.folder, "whole");
  const { code, stderr } = await espalier(["run", project.spec, "--out", whole]);
  expect(stderr).toMatch(/given up after 2 steps: loss [\d.]+, median [\d.]+/);
  expect(code).toBe(0);
  expect(stepsOf(whole)).toEqual({ "light.1": 7, "light.2": 7, "light.3": 2, "light.4": 2 });
  const [ranking] = tableOf(whole).rankings;
  expect(
    ranking?.rows.map(({ id, value, kept, givenUpAfter }) => [
      id < 3,
      value !== null,
      kept,
      givenUpAfter,
    ]),
  ).toEqual([
    [true, true, true, null],
    [true, true, true, null],
    [false, false, false, 2],
    [false, false, false, 2],
  ]);

  // Killed when a candidate has begun that is to be given up, or has just been.
  const out = join(project.folder, "killed");
  const child = startEspalier(["run", project.spec, "--out", out]);
  const end = ended(child);
  const metrics = join(out, "metrics.jsonl");
  const begun = () => existsSync(metrics) && readFileSync(metrics, "utf8").includes("light.3");
  while (!begun() && child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill("SIGKILL");
  expect((await end).code).toBe(null);
  expect((await espalier(["resume", out])).code).toBe(0);
  expect(tableOf(out)).toEqual(tableOf(whole));
  expect(stepsOf(out)).toEqual(stepsOf(whole));
});

test("candidates that diverge are given up, and a search without others says so", async () => {
  const steep = SPEC.replace("constant(1e-3)", "constant(1e30)").replace(/ +early_stop.*\n/, "");
  const diverging = makeTinyProject(`${steep}model found = best(shape)\n`);
  try {
    const out = join(diverging.folder, "out");
    const { code, stderr } = await espalier(["run", diverging.spec, "--out", out]);
    expect(stderr).toMatch(/given up: its loss is not a number at step 3 \(/);
    expect(stderr).toMatch(/rank light: no candidate goes on/);
    // What the ranking has said is not said again of each stage that is left out.
    expect(stderr).not.toMatch(/evaluate: light/);
    expect(stderr).toMatch(/error: no candidate of shape goes on/);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(code).toBe(3);
    const [ranking] = tableOf(out).rankings;
    expect(
      ranking?.rows.map(({ value, kept, givenUpAfter }) => [value, kept, givenUpAfter]),
    ).toEqual(Array.from({ length: 4 }, () => [null, false, 3]));
  } finally {
    rmSync(diverging.folder, { recursive: true, force: true });
  }
});

test("the median of an even and an odd count, and as many better ones as are kept", () => {
  expect(hopelessAgainst(9, [1], 1)).toBeNull();
  expect(hopelessAgainst(2, [1, 3], 1)).toBeNull();
  expect(hopelessAgainst(2.5, [3, 1], 1)).toBe(2);
  expect(hopelessAgainst(2.5, [3, 1], 2)).toBeNull();
  expect(hopelessAgainst(2.5, [7, 1, 2], 1)).toBe(2);
  expect(hopelessAgainst(2.5, [7, 1, 2], 3)).toBeNull();
});

const losses = fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { maxLength: 40 });

property.prop([losses, fc.integer({ min: 1, max: 5 }), fc.nat(40)])(
  "a trace that was written and read goes on as if it had not been",
  (all, every, cut) => {
    const early = { every, keep: 1 };
    const go = (from: typeof NO_TRACE, some: readonly number[]) =>
      some.reduce((trace, loss) => traced(trace, loss, early), from);
    const saved = JSON.parse(JSON.stringify(go(NO_TRACE, all.slice(0, cut)))) as typeof NO_TRACE;
    const trace = go(saved, all.slice(cut));
    expect(trace).toEqual(go(NO_TRACE, all));
    expect(trace.means).toHaveLength(Math.floor(all.length / every));
  },
);

property.prop([
  fc.double({ min: 0, max: 10, noNaN: true }),
  losses,
  fc.integer({ min: 1, max: 9 }),
])("one of the `keep` best is never given up", (mean, finished, keep) => {
  const better = finished.filter((other) => other < mean).length;
  if (better < keep) expect(hopelessAgainst(mean, finished, keep)).toBeNull();
});
