/** The lock beside a spec: exactly what it holds, and what a run says when something has changed since. */
import { createHash } from "node:crypto";
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Lock } from "../../runtime/run/lock.js";
import { changesSince, differenceLine, pinnedTuning } from "../../runtime/run/lock-changes.js";
import { espalier } from "../support/espalier.js";
import { makeTinyProject, type TinyProject, tinySpec } from "../support/tiny-project.js";

const root = resolve(import.meta.dirname, "../..");
const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");
const json = (...path: readonly string[]) => JSON.parse(readFileSync(join(...path), "utf8"));

/** Keys in order, written here again so that the product's way is not checked against itself. */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(",")}}`;
};

const hashed = (file: string, path: string) => {
  const data = readFileSync(file);
  return { path, bytes: data.length, sha256: sha256(data) };
};

const librarySources = (): Record<string, string> =>
  Object.fromEntries(
    readdirSync(join(root, "stdlib"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".prune"))
      .map((path) => path.replaceAll("\\", "/"))
      .map((path) => [`stdlib/${path}`, sha256(readFileSync(join(root, "stdlib", path)))]),
  );

let project: TinyProject;
let lockFile: string;
let number = 0;

/** Runs the spec into a new folder, from `cwd`; gives the folder and what was said of changes. */
const run = async (cwd: string, ...more: readonly string[]) => {
  const out = join(project.folder, `out${number++}`);
  const spec = cwd === project.folder ? "tiny.prune" : project.spec;
  const { code, stderr } = await espalier(["run", spec, "--out", out, ...more], cwd);
  expect(code).toBe(0);
  const said = stderr.split("\n").filter((line) => /^changed|^warning: other/.test(line));
  return { out, said };
};

beforeAll(() => {
  const spec = tinySpec(2)
    .replace("edition 1\n", 'edition 1\nuse "./house.prune"\nparam seed = 7\n')
    .replace("stop 2 steps", "stop length");
  project = makeTinyProject(spec);
  writeFileSync(join(project.folder, "house.prune"), "edition 1\nparam length = 2 steps\n");
  lockFile = `${project.spec}.lock`;
});
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

describe("the lock", () => {
  test("holds everything that the run was a function of, and its results", async () => {
    const { out, said } = await run(project.folder);
    expect(said).toEqual([]);
    const { title: _title, ...plan } = json(out, ".espalier/plan.json");
    const journal = json(out, ".espalier/journal.json");
    const modelFiles = [
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ];
    const exported = readdirSync(join(out, "tiny-half"));
    expect(json(lockFile)).toEqual({
      format: 1,
      versions: {
        espalier: json(root, "package.json").version,
        node: process.versions.node,
        webgpu: json(root, "node_modules/webgpu/package.json").version,
      },
      seed: 7,
      settings: { length: "2 steps", seed: "7" },
      plan: sha256(canonical(plan)),
      sources: {
        ...librarySources(),
        "tiny.prune": sha256(readFileSync(project.spec)),
        "house.prune": sha256(readFileSync(join(project.folder, "house.prune"))),
        "model/config.json": sha256(readFileSync(join(project.model, "config.json"))),
      },
      models: {
        teacher: modelFiles.map((file) => hashed(join(project.model, file), `model/${file}`)),
      },
      data: { texts: [hashed(join(project.folder, "texts/a.txt"), "texts/a.txt")] },
      adapter: journal.adapter,
      tuning: journal.tuning,
      results: Object.fromEntries(
        exported.map((file) => [
          `tiny-half/${file}`,
          sha256(readFileSync(join(out, "tiny-half", file))),
        ]),
      ),
    });
    expect(journal.adapter).not.toBe("");
    expect(exported).toContain("model.safetensors");
  });

  test("is the same text wherever the command is given", async () => {
    const before = readFileSync(lockFile, "utf8");
    const { said } = await run(root);
    expect(said).toEqual([]);
    expect(readFileSync(lockFile, "utf8")).toBe(before);
    expect(before).not.toContain(basename(project.folder));
  });
});

describe("a run says what has changed since the lock", () => {
  test("a text", async () => {
    appendFileSync(join(project.folder, "texts/a.txt"), "and more\n");
    expect((await run(project.folder)).said).toEqual([
      "changed since tiny.prune.lock: texts/a.txt",
    ]);
    expect((await run(project.folder)).said).toEqual([]);
  });

  test("a used file and the param in it, or a param alone", async () => {
    writeFileSync(join(project.folder, "house.prune"), "edition 1\nparam length = 1 steps\n");
    expect((await run(project.folder)).said).toEqual([
      "changed since tiny.prune.lock: house.prune, param length 2 steps -> 1 steps",
    ]);
    expect((await run(project.folder, "--set", "seed=8")).said).toEqual([
      "changed since tiny.prune.lock: seed 7 -> 8, param seed 7 -> 8",
    ]);
  });
});

describe("two locks", () => {
  const lock: Lock = {
    format: 1,
    versions: { node: "20.0.0" },
    seed: 0,
    settings: {},
    plan: "p",
    sources: { "a.prune": "1" },
    models: { teacher: [{ path: "m/config.json", bytes: 1, sha256: "1" }] },
    data: {},
    adapter: "one",
    tuning: { product: 2 },
    results: { "half/model.safetensors": "1" },
  };

  test("differ by what is new, gone or other", () => {
    const now: Lock = {
      ...lock,
      versions: { node: "22.0.0" },
      sources: { "b.prune": "1" },
      models: { teacher: [{ path: "m/config.json", bytes: 1, sha256: "2" }] },
      adapter: "two",
    };
    expect(changesSince(lock, lock)).toEqual([]);
    expect(changesSince(lock, now)).toEqual([
      "a.prune",
      "b.prune",
      "m/config.json",
      "node 20.0.0 -> 22.0.0",
      "adapter one -> two",
    ]);
  });

  test("of the same inputs with other results are told apart", () => {
    const results = { "half/model.safetensors": "2" };
    expect(differenceLine("a.prune", lock, { ...lock, results })).toBe(
      "warning: other results than in a.prune.lock from the same inputs: half/model.safetensors",
    );
    expect(differenceLine("a.prune", lock, { ...lock, results, seed: 1 })).toBe(null);
    expect(differenceLine("a.prune", lock, lock)).toBe(null);
  });

  test("share their tuning where programs and adapter are the same; the journal's comes first", () => {
    expect(pinnedTuning(lock, lock, { other: 1 })).toEqual({ product: 2, other: 1 });
    expect(pinnedTuning(lock, lock, { product: 0 })).toEqual({ product: 0 });
    expect(pinnedTuning(lock, { ...lock, adapter: "two" }, {})).toEqual({});
    expect(pinnedTuning(lock, { ...lock, plan: "q" }, {})).toEqual({});
    expect(pinnedTuning(null, lock, { other: 1 })).toEqual({ other: 1 });
  });
});
