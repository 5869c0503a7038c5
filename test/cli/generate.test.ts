/** `espalier generate`: greedy as transformers does it, drawn the same way for a seed, and what is wrong said in one line. */
import { readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lengthsFor } from "../../compiler/planning/lengths.js";
import { ended, espalier, startEspalier } from "../support/espalier.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

const root = resolve(import.meta.dirname, "../..");
const model = join(root, "examples/models/sotu-1m");
interface Reference {
  readonly prompt: string;
  readonly window: number;
  readonly tokens: readonly number[];
  readonly text: string;
  readonly lead: number;
}
const references: readonly Reference[] = JSON.parse(
  readFileSync(join(root, "test/oracle/generated.json"), "utf8"),
);

const generated = async (folder: string, ...args: readonly string[]) => {
  const { code, stdout, stderr } = await espalier(["generate", folder, ...args, "--json"]);
  expect(stderr).not.toMatch(/^error/m);
  expect(code).toBe(0);
  return JSON.parse(stdout);
};

describe("greedy tokens", () => {
  test.each(
    references,
  )("of $prompt with a window of $window are those of transformers", async (of) => {
    // A choice that is closer than rounding would say nothing.
    expect(of.lead).toBeGreaterThan(1e-3);
    const count = ["--tokens", `${of.tokens.length}`];
    const window = ["--window", `${of.window}`];
    const report = await generated(model, "--prompt", of.prompt, ...count, ...window);
    expect(report).toMatchObject({ prompt: of.prompt, stopped: "length", text: of.text });
    expect(report.tokens).toEqual(of.tokens);
  });
});

describe("a tiny model", () => {
  let project: TinyProject;
  beforeAll(() => {
    project = makeTinyProject();
  });
  afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

  test("draws the same tokens for a seed, others for another", async () => {
    const draw = (seed: number) =>
      generated(
        project.model,
        "--prompt",
        "Peace",
        "--tokens",
        "9",
        "--top-k",
        "50",
        "--seed",
        `${seed}`,
      );
    const [first, again, other] = [await draw(1), await draw(1), await draw(2)];
    expect(first.tokens.length).toBe(9);
    expect(again.tokens).toEqual(first.tokens);
    expect(other.tokens).not.toEqual(first.tokens);
  });

  test("goes on with the standard input, and shows what JSON holds", async () => {
    const args = ["generate", project.model, "--tokens", "5", "--window", "16"];
    const { text } = await generated(
      project.model,
      "--prompt",
      "",
      "--tokens",
      "5",
      "--window",
      "16",
    );
    const { code, stdout } = await ended(startEspalier(args));
    expect(code).toBe(0);
    expect(stdout).toBe(`${text}\n`);
  });

  test.each([
    [["--tokens", "0"], "--tokens takes a whole number from 1, not 0"],
    [["--temperature", "hot"], "--temperature takes a number from 0, not hot"],
    [["--top-p", "2"], "--top-p takes a number from 0 to 1, not 2"],
  ])("%j is refused with exit code 2", async (args, message) => {
    const { code, stderr } = await espalier(["generate", project.model, "--prompt", "x", ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test("a reader that has enough of it ends it in silence", async () => {
    const args = ["generate", project.model, "--prompt", "Peace", "--tokens", "200"];
    const child = startEspalier(args);
    child.stdout?.once("data", () => child.stdout?.destroy());
    const { code, stderr } = await ended(child);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("a folder that holds no model is said, with exit code 3", async () => {
    const { code, stdout, stderr } = await espalier(["generate", project.folder, "--prompt", "x"]);
    expect(code).toBe(3);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^error: no model can be read at/);
  });
});

test.each([
  [[1, 20, 256], [32]],
  [
    [30, 100, 256],
    [32, 64, 128],
  ],
  [
    [40, 1000, 100],
    [64, 100],
  ],
  [[500, 600, 100], [100]],
  [[5, 9, 16], [16]],
])("texts of %j tokens are filled up to %j", ([first = 0, last = 0, window = 0], lengths) => {
  expect(lengthsFor(first, last, window)).toEqual(lengths);
});
