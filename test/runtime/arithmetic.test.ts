/** `arithmetic f16`: what a spec allows, and who computes by it; refused by adapters and for weights that have no f16. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { compile } from "../../compiler/compile.js";
import { explainPlan } from "../../compiler/explain.js";
import { explainText } from "../../compiler/explain-text.js";
import type { Plan } from "../../compiler/plan.js";
import { fileHost } from "../../runtime/cli/host.js";
import { silent } from "../../runtime/run/reporter.js";
import { hashPlan, type RunOutcome, startRun } from "../../runtime/run/run.js";
import { everyDevice } from "../support/device.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

const spec = (arithmetic: string): string => `edition 1
model teacher = open("model")
data texts = text("texts/*.txt") { window 32 }
data few = text("texts/*.txt") {
  window 32
  take 4 windows
}
score merit of teacher on texts {
  take 4 windows
  ${arithmetic}
  hidden, mlp by activation(batch: l2, position: mean)
}
prune student from teacher using merit {
  hidden 16 -> 12
  mlp 24 -> 16
}
distill healed = student from teacher on texts {
  loss kld(temperature: 1)
  stop 2 steps
  batch 2 windows
  rate constant(1e-3)
  ${arithmetic}
}
evaluate teacher on few {
  loss
  ${arithmetic}
}
export healed to "half" { dtype f32 }
`;

let project: TinyProject;
beforeAll(() => {
  project = makeTinyProject(spec(""));
});
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

const planOf = (text: string, memory: number | null = null): Plan => {
  const { recipe, diagnostics } = check("tiny.prune", text, fileHost(project.folder));
  if (recipe === null) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return compile(recipe, {}, { memory });
};

const inF16 = (plan: Plan, program: string) =>
  (plan.programs[program]?.dispatches ?? []).filter(({ tuning }) => / in f16 /.test(tuning));

test("by default nothing is f16, and saying f32 is the same", () => {
  const plan = planOf(spec(""));
  // All but the hash of the spec's text.
  const { sources: _sources, ...said } = planOf(spec("arithmetic f32"));
  const { sources: _theirs, ...unsaid } = plan;
  expect(said).toEqual(unsaid);
  expect(Object.values(plan.kernels).filter(({ wgsl }) => wgsl.includes("f16;"))).toEqual([]);
  expect(explainText(explainPlan(plan))).not.toContain("f16");
});

test("the plan is another, and explain says so of each stage", () => {
  const plan = planOf(spec("arithmetic f16"));
  expect(hashPlan(plan)).not.toBe(hashPlan(planOf(spec(""))));
  const said = explainText(explainPlan(plan)).match(/ in f16, added up in f32/g);
  expect(said?.length).toBe(3);
});

test("products with weights that nothing trains are in f16, and no others", () => {
  const plan = planOf(spec("arithmetic f16"));
  // Seven of each layer; no score looks at the last layer's last, nor at the logits.
  expect(inF16(plan, "merit.batch4").length).toBe(13);
  const taught = inF16(plan, "healed.gradient");
  expect(taught.length).toBe(15);
  for (const { bindings } of taught)
    expect(bindings.map(({ buffer }) => buffer)).toContain("teacher.weights");
  for (const { bindings } of taught)
    expect(bindings.some(({ buffer }) => /^healed\./.test(buffer))).toBe(false);
  expect(inF16(plan, "healed.update")).toEqual([]);
  const streamed = planOf(spec("arithmetic f16"), 2_000_000);
  const names = Object.keys(streamed.programs).filter((name) => name.includes("segment"));
  expect(names.flatMap((name) => inF16(streamed, name)).length).toBeGreaterThan(0);
});

const run = (plan: Plan, name: string, adapter: string): Promise<RunOutcome> =>
  startRun({
    plan,
    spec: null,
    base: project.folder,
    out: join(project.folder, name),
    scores: join(project.folder, "scores"),
    adapter,
    force: false,
    reporter: silent,
    interrupted: () => false,
  });

const decisionsOf = ({ out }: RunOutcome) =>
  JSON.parse(readFileSync(join(out, "decisions.json"), "utf8")).prunes[0];
const weightsOf = ({ out }: RunOutcome): string =>
  readFileSync(join(out, "half/model.safetensors")).toString("hex");

const able = (await everyDevice()).find(({ report }) => report.features.includes("shader-f16"));
const adapter = able?.report.device ?? "";

test.skipIf(able === undefined)(
  "a run in f16 repeats, is near f32's and says what it is",
  async () => {
    const plan = planOf(spec("arithmetic f16"));
    const whole = await run(planOf(spec("")), "whole", adapter);
    const half = await run(plan, "half", adapter);
    const again = await run(plan, "again", adapter);
    expect(weightsOf(again)).toBe(weightsOf(half));
    expect(again.measures).toEqual(half.measures);
    expect(decisionsOf(whole).arithmetic).toBe("f32");
    expect(decisionsOf(half).arithmetic).toBe("f16");
    for (const [at, { value }] of whole.measures.entries())
      expect(Math.abs(value - (half.measures[at]?.value ?? Number.NaN))).toBeLessThan(1e-3);
    // Scores of the one are not taken for those of the other, nor runs.
    expect(decisionsOf(half).axes[0].sets[0].scores).not.toEqual(
      decisionsOf(whole).axes[0].sets[0].scores,
    );
    await expect(run(plan, "whole", adapter)).rejects.toThrow("the run of another spec");
  },
);

test.skipIf(process.env.ESPALIER_ADAPTER !== undefined)(
  "an adapter without shader-f16 refuses before the first stage",
  async () => {
    await expect(run(planOf(spec("arithmetic f16")), "refused", "embedded")).rejects.toThrow(
      /^score merit asks for `arithmetic f16`, and .*SwiftShader.* has no shader-f16$/,
    );
  },
);

test.skipIf(able === undefined)("weights beyond the range of f16 are refused", async () => {
  const file = join(project.model, "model.safetensors");
  const before = readFileSync(file);
  const start = 8 + Number(before.readBigUInt64LE());
  const after = Buffer.from(before);
  after.writeFloatLE(-1e5, start + 40);
  writeFileSync(file, after);
  const plan = planOf(spec("arithmetic f16"));
  try {
    await expect(run(plan, "beyond", adapter)).rejects.toThrow(
      "model.embed_tokens.weight of teacher holds -1.000e+5, and f16 ends at 65,504",
    );
  } finally {
    writeFileSync(file, before);
  }
});
