/** A chain in one spec: a corrected teacher, a student that learns its states too, and a smaller one from that. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openCheckpoint } from "../../runtime/formats/checkpoint-folder.js";
import { floatBlocks } from "../../runtime/formats/stored-tensor.js";
import { ended, espalier, startEspalier } from "../support/espalier.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

const training = (loss: string, steps: number): string => `{
  loss ${loss}
  stop ${steps} steps
  batch 2 windows
  optimizer adamw(beta: [0.9, 0.95], decay: 0.0, clip: 1.0)
  rate warmup_stable_decay(2e-3 -> 2e-4, warmup: 10%)
  checkpoint every 2 steps
}`;

const spec = `edition 1

model teacher = open("model")

data texts = text("texts/*.txt") { window 32 }

score merit of teacher on texts {
  take 8 windows
  hidden, mlp by activation
}

prune student from teacher using merit {
  hidden 16 -> 12
  mlp 24 -> 16
}

distill corrected = teacher on texts ${training("cross_entropy()", 4)}

distill healed = student from corrected on texts ${training(
  "balance(kld(), states_cosine(layers: [1 -> 1]) + states_mse(teacher.embeddings, student.embeddings))",
  12,
)}

score again of healed on texts {
  take 8 windows
  mlp by activation
}

prune smaller from healed using again { mlp 16 -> 8 }

distill last = smaller from healed on texts ${training("reverse_kld()", 4)}

model blank = random(smaller, deviation: 0.05)

distill scratch = blank on texts ${training("cross_entropy()", 4)}

evaluate teacher, scratch, corrected, healed, last on texts { perplexity }

export last to "last" { dtype f32 }

export blank to "blank" { dtype f32 }
`;

let project: TinyProject;
beforeAll(() => {
  project = makeTinyProject(spec.replace("window 32", "window 32\n  take 12 windows"));
});
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

const weights = (out: string): Buffer => readFileSync(join(out, "last/model.safetensors"));

test("runs to its end, and killed while maps are learned, to the same bits", async () => {
  const whole = join(project.folder, "whole");
  const { code, stderr } = await espalier(["run", project.spec, "--out", whole]);
  expect(stderr).not.toMatch(/error/);
  expect(code).toBe(0);
  const config = JSON.parse(readFileSync(join(whole, "last/config.json"), "utf8"));
  expect(config).toMatchObject({ hidden_size: 12, intermediate_size: 8 });
  const blank = await openCheckpoint(join(whole, "blank"));
  const read = async (name: string) => {
    const blocks: number[] = [];
    for await (const { floats } of floatBlocks(blank.tensor(name))) blocks.push(...floats);
    return blocks;
  };
  expect(new Set(await read("model.norm.weight"))).toEqual(new Set([1]));
  const values = await read("model.embed_tokens.weight");
  const squares = values.reduce((sum, value) => sum + value * value, 0);
  expect(Math.sqrt(squares / values.length)).toBeCloseTo(0.05, 2);
  await blank.close();
  const out = join(project.folder, "killed");
  const child = startEspalier(["run", project.spec, "--out", out]);
  const end = ended(child);
  const metrics = join(out, "metrics.jsonl");
  const reached = () =>
    existsSync(metrics) && readFileSync(metrics, "utf8").includes('"stage":"healed","step":4');
  while (!reached() && child.exitCode === null) await new Promise((r) => setTimeout(r, 5));
  child.kill("SIGKILL");
  await end;
  expect((await espalier(["resume", out])).code).toBe(0);
  expect(weights(out).equals(weights(whole))).toBe(true);
});
