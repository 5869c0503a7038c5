/** Search, prune and distil in one spec: killed, resumed without the spec, or compiled, it gives what sizes by hand give. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { planSpec } from "../../runtime/cli/planned.js";
import { runPlan } from "../../runtime/main.js";
import type { RunOutcome } from "../../runtime/run/run.js";
import { ended, espalier, startEspalier } from "../support/espalier.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

const ABOVE = `edition 1
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
`;

const SEARCH = `search shape of teacher using merit {
  hidden [8, 12]
  mlp    24
}
evaluate shape on few { loss }
model student = best(shape)
`;

const AFTER = `distill healed = student from teacher on texts {
  loss  kld()
  stop  3 steps
  batch 2 windows
  rate  constant(1e-3)
}
evaluate student, healed on few { loss }
expect { loss(healed) <= 2 * loss(student) }
export healed to "healed" { dtype f32 }
`;

let project: TinyProject;
beforeAll(() => {
  project = makeTinyProject(ABOVE + SEARCH + AFTER);
});
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

const weightsIn = (out: string): Buffer => readFileSync(join(out, "healed/model.safetensors"));

/** Of the models that both runs have. */
const measuresOf = ({ measures }: RunOutcome) =>
  measures.filter(({ model }) => ["student", "healed"].includes(model));

test("the winner goes on in the same run, to the bits of a spec with its sizes", async () => {
  const planned = await planSpec(project.spec, {});
  if (planned === null) throw new Error("no plan");

  const out = join(project.folder, "killed");
  const child = startEspalier(["run", project.spec, "--out", out]);
  const end = ended(child);
  const metrics = join(out, "metrics.jsonl");
  const begun = () => existsSync(metrics) && readFileSync(metrics, "utf8").includes('"healed"');
  while (!existsSync(join(out, "search.json")) && !begun() && child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill("SIGKILL");
  expect((await end).code).toBe(null);
  // What is left to compile is compiled from what the run kept of its spec.
  rmSync(project.spec);
  const resumed = await espalier(["resume", out, "--json"]);
  expect(resumed.code).toBe(0);
  const outcome = JSON.parse(resumed.stdout) as RunOutcome;
  const again = await espalier(["resume", out, "--json"]);
  expect(JSON.parse(again.stdout)).toMatchObject({ measures: outcome.measures });

  const [best] = JSON.parse(readFileSync(join(out, "search.json"), "utf8")).rankings[0].rows;
  const { hidden, mlp } = best.sizes;
  const byHand = `prune student from teacher using merit {\n  hidden -> ${hidden}\n  mlp -> ${mlp}\n}\n`;
  writeFileSync(project.spec, ABOVE + byHand + AFTER);
  const hand = join(project.folder, "hand");
  const { code, stdout } = await espalier(["run", project.spec, "--out", hand, "--json"]);
  expect(code).toBe(0);
  expect(measuresOf(outcome)).toEqual(measuresOf(JSON.parse(stdout)));
  expect(weightsIn(out)).toEqual(weightsIn(hand));
  const { parameters } = outcome.models.find(({ name }) => name === "healed") ?? {};
  expect(parameters).toBe(best.parameters);

  // Compiled whole, without the compiler.
  const alone = join(project.folder, "alone");
  const plan = JSON.parse(JSON.stringify(planned.plan));
  const adapter = process.env.ESPALIER_ADAPTER ?? "embedded";
  await runPlan(plan, { base: project.folder, out: alone, adapter });
  expect(weightsIn(alone)).toEqual(weightsIn(hand));
});

test("memory that some candidate does not do with is refused before anything runs", async () => {
  writeFileSync(project.spec, ABOVE + SEARCH + AFTER);
  const out = join(project.folder, "small");
  const args = ["run", project.spec, "--out", out, "--memory", "300KiB"];
  const { code, stderr } = await espalier(args);
  expect(stderr).toMatch(/^error: \S+\.shape\.1 takes .* of device memory at once/m);
  expect(code).toBe(2);
  expect(existsSync(out)).toBe(false);
});
