/** What a run leaves beside its model, and what it says of what it left out. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { espalier } from "../support/espalier.js";
import { makeTinyProject, type TinyProject, tinySpec } from "../support/tiny-project.js";

let project: TinyProject;
beforeEach(() => {
  project = makeTinyProject(tinySpec(2));
});
afterEach(() => rmSync(project.folder, { recursive: true, force: true }));

/** Adds tensors of one element to a safetensors file. */
const addTensors = (path: string, names: readonly string[]): void => {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const data = bytes.subarray(8 + length);
  names.forEach((name, index) => {
    const begin = data.length + index * 4;
    header[name] = { dtype: "F32", shape: [1], data_offsets: [begin, begin + 4] };
  });
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([size, text, data, Buffer.alloc(names.length * 4)]));
};

const warnings = (stderr: string): string[] =>
  stderr.split("\n").filter((line) => line.startsWith("warning:"));

describe("tensors that the architecture does not name", () => {
  const extra = ["model.extra.a", "model.extra.b", "model.extra.c", "model.extra.d"];
  beforeEach(() => addTensors(join(project.model, "model.safetensors"), extra));

  test("are named by run, once, with how many more there are", async () => {
    const out = join(project.folder, "out");
    const { code, stderr } = await espalier(["run", project.spec, "--out", out]);
    expect(code).toBe(0);
    expect(warnings(stderr)).toEqual([
      "warning: 4 tensors are not used, as the architecture of teacher names no such weight: model.extra.a, model.extra.b, model.extra.c and 1 more",
    ]);
  });

  test("are named by eval, beside a clean result", async () => {
    const data = join(project.folder, "texts/*.txt");
    const args = ["eval", project.model, "--data", data, "--window", "32", "--take", "1"];
    const { code, stdout, stderr } = await espalier([...args, "--json"]);
    expect(code).toBe(0);
    expect(warnings(stderr).join()).toMatch(/^warning: 4 tensors are not used.*model\.extra\.a/);
    expect(JSON.parse(stdout)).toHaveProperty("perplexity");
  });
});

test("a key of config.json that nobody reads is named by eval too, once", async () => {
  const path = join(project.model, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...config, logits_scaling: 8 }));
  const data = join(project.folder, "texts/*.txt");
  const args = ["eval", project.model, "--data", data, "--window", "32", "--take", "1"];
  const { code, stderr } = await espalier(args);
  expect(code).toBe(0);
  expect(warnings(stderr).join()).toMatch(
    /^warning: config\.json has `logits_scaling`, which `llama` does not read[^`]*$/,
  );
});

test("a fresh start with --force leaves no decisions of the run before", async () => {
  const out = join(project.folder, "out");
  expect((await espalier(["run", project.spec, "--out", out])).code).toBe(0);
  expect(existsSync(join(out, "decisions.json"))).toBe(true);
  writeFileSync(join(out, "search.json"), '{"format":1,"rankings":[]}\n');
  writeFileSync(
    project.spec,
    'edition 1\nmodel teacher = open("model")\nexport teacher to "copy" { format safetensors }\n',
  );
  expect((await espalier(["run", project.spec, "--out", out, "--force"])).code).toBe(0);
  expect(existsSync(join(out, "copy/model.safetensors"))).toBe(true);
  expect(existsSync(join(out, "decisions.json"))).toBe(false);
  expect(existsSync(join(out, "metrics.jsonl"))).toBe(false);
  expect(existsSync(join(out, "search.json"))).toBe(false);
});

interface StepLine {
  readonly step: number;
  readonly norm: number;
  readonly rate: number;
  readonly tokens: number;
  readonly tokensPerSecond: number;
}

describe("metrics.jsonl", () => {
  const steps = async (clip: string, out: string): Promise<StepLine[]> => {
    writeFileSync(project.spec, tinySpec(3).replace("clip: 1.0", `clip: ${clip}`));
    expect((await espalier(["run", project.spec, "--out", out])).code).toBe(0);
    const lines = readFileSync(join(out, "metrics.jsonl"), "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line));
  };

  test("has norm of the gradients before clipping, rate and speed at every step", async () => {
    const free = await steps("none", join(project.folder, "free"));
    const clipped = await steps("1e-3", join(project.folder, "clipped"));
    expect(free.map(({ step, tokens }) => [step, tokens])).toEqual([
      [0, 64],
      [1, 128],
      [2, 192],
    ]);
    for (const line of [...free, ...clipped]) {
      expect(line.norm).toBeGreaterThan(1e-3);
      expect(line.norm).toBeLessThan(1e3);
      expect(line.tokensPerSecond).toBeGreaterThan(0);
    }
    // The first step starts from the same weights, however its update is clipped.
    expect(clipped[0]?.norm).toBe(free[0]?.norm);
    expect(free.map(({ rate }) => rate)).toEqual(clipped.map(({ rate }) => rate));
    expect(free[0]?.rate).toBeGreaterThan(free[2]?.rate ?? Number.NaN);
  });
});

test("a lock that cannot be written is a warning, as the models are whole without it", async () => {
  const lock = `${project.spec}.lock`;
  mkdirSync(lock);
  const { code, stdout, stderr } = await espalier([
    "run",
    project.spec,
    "--out",
    join(project.folder, "out"),
  ]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^model: /m);
  expect(warnings(stderr)).toHaveLength(1);
  expect(warnings(stderr).join()).toMatch(/^warning: cannot write .*\.lock: .*nothing says what/);
});
