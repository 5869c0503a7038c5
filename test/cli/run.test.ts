/** Whole runs through the command line: the same bits twice, after a kill, and from the compiled module. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ended, espalier, startEspalier } from "../support/espalier.js";
import { makeTinyProject, type TinyProject, tinySpec } from "../support/tiny-project.js";

let project: TinyProject;
const weights = (out: string): Buffer => readFileSync(join(out, "tiny-half/model.safetensors"));

beforeAll(() => {
  project = makeTinyProject();
});
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

describe("a run", () => {
  test("leaves the model, its decisions, its metrics and a lock", async () => {
    const out = join(project.folder, "first");
    const { code, stderr, stdout } = await espalier(["run", project.spec, "--out", out]);
    expect(stderr).not.toMatch(/error/);
    expect(code).toBe(0);
    expect(stdout).toMatch(/healed/);
    for (const file of ["config.json", "model.safetensors", "tokenizer.json"])
      expect(existsSync(join(out, "tiny-half", file))).toBe(true);
    const config = JSON.parse(readFileSync(join(out, "tiny-half/config.json"), "utf8"));
    expect(config).toMatchObject({
      hidden_size: 12,
      intermediate_size: 16,
      num_attention_heads: 4,
    });
    const decisions = JSON.parse(readFileSync(join(out, "decisions.json"), "utf8"));
    expect(JSON.stringify(decisions)).toContain("hidden");
    const metrics = readFileSync(join(out, "metrics.jsonl"), "utf8").trim().split("\n");
    expect(metrics.map((line) => JSON.parse(line).step)).toEqual([0, 1, 2, 3, 4, 5]);
    const lock = JSON.parse(readFileSync(`${project.spec}.lock`, "utf8"));
    expect(lock.adapter).not.toBe("");
    expect(Object.keys(lock.results).length).toBeGreaterThan(0);
  });

  test("gives the same bytes twice", async () => {
    const out = join(project.folder, "second");
    const { code } = await espalier(["run", project.spec, "--out", out]);
    expect(code).toBe(0);
    expect(weights(out).equals(weights(join(project.folder, "first")))).toBe(true);
  });

  test("killed in the middle of distillation and resumed gives the same bytes", async () => {
    const long = makeTinyProject(tinySpec(40));
    try {
      const whole = join(long.folder, "whole");
      expect((await espalier(["run", long.spec, "--out", whole])).code).toBe(0);
      const out = join(long.folder, "killed");
      const child = startEspalier(["run", long.spec, "--out", out]);
      const end = ended(child);
      const metrics = join(out, "metrics.jsonl");
      const lines = () =>
        existsSync(metrics) ? readFileSync(metrics, "utf8").split("\n").length : 0;
      while (lines() < 6 && child.exitCode === null) await new Promise((r) => setTimeout(r, 5));
      child.kill("SIGKILL");
      expect((await end).code).toBe(null);
      expect(existsSync(join(out, "tiny-half"))).toBe(false);
      const resumed = await espalier(["resume", out]);
      expect(resumed.code).toBe(0);
      expect(resumed.stderr).toMatch(/^going on after step \d+ of 40$/m);
      expect(weights(out).equals(weights(whole))).toBe(true);
      const steps = readFileSync(metrics, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).step);
      expect(steps).toEqual(Array.from({ length: 40 }, (_, step) => step));
    } finally {
      rmSync(long.folder, { recursive: true, force: true });
    }
  });

  test("interrupted once writes a checkpoint and exits 130", async () => {
    const long = makeTinyProject(tinySpec(400));
    try {
      const out = join(long.folder, "out");
      const child = startEspalier(["run", long.spec, "--out", out]);
      const end = ended(child);
      const metrics = join(out, "metrics.jsonl");
      while (!existsSync(metrics) && child.exitCode === null)
        await new Promise((r) => setTimeout(r, 5));
      child.kill("SIGINT");
      const { code, stderr } = await end;
      expect(code).toBe(130);
      expect(stderr).toMatch(/espalier resume/);
    } finally {
      rmSync(long.folder, { recursive: true, force: true });
    }
  });

  test("compiled to a module and run on its own gives the same bytes", async () => {
    // Outside of the package, where only the link that was put beside it leads to `espalier/runtime`.
    const module = join(project.folder, "compiled module");
    rmSync(module, { recursive: true, force: true });
    try {
      expect((await espalier(["compile", project.spec, "--out", module])).code).toBe(0);
      expect(readdirSync(join(module, "kernels")).every((file) => file.endsWith(".wgsl"))).toBe(
        true,
      );
      const out = join(project.folder, "module");
      const recipe = join(module, "recipe.mjs");
      const adapter = process.env.ESPALIER_ADAPTER ?? "embedded";
      const child = startEspalier(["--out", out, "--adapter", adapter], undefined, recipe);
      const { code, stderr } = await ended(child);
      expect(stderr).toMatch(/^adapter: .*\n/);
      expect(stderr).toContain("healed: ");
      expect(code).toBe(0);
      expect(weights(out).equals(weights(join(project.folder, "first")))).toBe(true);
      const bare = await espalier([], undefined, recipe);
      expect(bare.stderr).toBe(
        "error: --out DIR is missing\nhint: node recipe.mjs --out DIR [--base DIR] [--adapter WHICH]\n",
      );
      expect(bare.code).toBe(2);
    } finally {
      rmSync(module, { recursive: true, force: true });
    }
  });
});
