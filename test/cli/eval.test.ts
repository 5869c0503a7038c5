/** `espalier eval` on the example's model, against the same windows in PyTorch, and its windows on small texts. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTokenizer } from "../../runtime/formats/tokenizer.js";
import { espalier } from "../support/espalier.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

const root = resolve(import.meta.dirname, "../..");
const model = join(root, "examples/models/sotu-1m");
const reference = JSON.parse(
  readFileSync(join(root, "test/oracle/sotu-1m-reference.json"), "utf8"),
);

const evaluate = async (args: readonly string[], cwd?: string) => {
  const { code, stdout, stderr } = await espalier(["eval", ...args, "--json"], cwd);
  expect(stderr).not.toMatch(/^error/m);
  expect(code).toBe(0);
  return JSON.parse(stdout);
};

describe("the example's model", () => {
  test("has the loss and perplexity that PyTorch gives over the same windows", async () => {
    const data = join(root, "examples/data/sotu/valid/*.txt");
    const report = await evaluate([model, "--data", data, "--take", `${reference.windows.length}`]);
    expect(report).toMatchObject({ model, data, window: 256, windows: 8, tokens: 8 * 256 });
    expect(Math.abs(report.loss - reference.mean_loss)).toBeLessThan(2e-4);
    expect(report.perplexity).toBeCloseTo(Math.exp(report.loss), 3);
  });
});

describe("windows", () => {
  let project: TinyProject;
  let start: number;
  /** Tokens of each text. */
  let lengths: readonly number[];
  const texts = { "b.txt": "The state of the union is sound. ".repeat(9), "a.txt": "Peace." };

  beforeAll(async () => {
    project = makeTinyProject();
    const folder = join(project.folder, "two");
    mkdirSync(folder);
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
    const tokenizer = await openTokenizer(project.model);
    start = tokenizer.start;
    lengths = Object.values(texts).map((text) => tokenizer.encode(text).length);
  });
  afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

  test("run over all documents, each with its start token, without a short one at the end", async () => {
    // Two start tokens; the first token of all is not predicted.
    const tokens = lengths.reduce((sum, length) => sum + 1 + length, 0);
    const whole = await evaluate(
      ["model", "--data", "two/*.txt", "--window", `${tokens - 1}`],
      project.folder,
    );
    expect(whole).toMatchObject({ windows: 1, tokens: tokens - 1, model: "model" });
    const cut = await evaluate(
      ["model", "--data", "two/*.txt", "--window", `${tokens - 2}`],
      project.folder,
    );
    expect(cut).toMatchObject({ windows: 1, tokens: tokens - 2 });
    expect(start).toBe(0);
  });

  test("that the text does not fill are said, with exit code 3", async () => {
    const args = ["eval", "model", "--data", "two/a.txt", "--window", "64"];
    const { code, stdout, stderr } = await espalier(args, project.folder);
    expect(code).toBe(3);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^error: .*windows/m);
  });

  test("of files that the shell has made of a pattern are those of the pattern", async () => {
    // A letter that patterns have a meaning for.
    const odd = join(project.folder, "odd [1]");
    cpSync(join(project.folder, "two"), odd, { recursive: true });
    writeFileSync(join(odd, "c, d.txt"), "Not of these.");
    const size = ["--window", "16"];
    const whole = await evaluate(["model", "--data", "two/*.txt", ...size], project.folder);
    const files = ["odd [1]/a.txt", "odd [1]/b.txt"];
    const taken = await evaluate(["model", "--data", ...files, ...size], project.folder);
    expect(taken).toMatchObject({ windows: whole.windows, loss: whole.loss, data: files });
    const twice = ["--data", "two/a.txt", "--data", "two/b*.txt"];
    const patterns = await evaluate([...twice, ...size, "model"], project.folder);
    expect(patterns.loss).toBe(whole.loss);
    const more = await evaluate(
      ["model", "--data", ...files, "odd [1]/c, d.txt", "--window", "1"],
      project.folder,
    );
    expect(more.tokens).toBeGreaterThan(whole.tokens);
  });

  test.each([
    [["--data", "two/a.txt", "two/b.txt", "model"], "name the model before --data"],
    [["model", "--data", "two/a.txt", "model"], "model is no file of data"],
    [["model", "--data", "two/a.txt", "model/config.jsonl"], "model/config.jsonl is no file"],
    [["model", "--data", "two/a.txt", "lines.jsonl"], "files of different kinds"],
  ])("of files that cannot be told: %j is refused with exit code 2", async (args, said) => {
    writeFileSync(join(project.folder, "lines.jsonl"), "");
    const { code, stdout, stderr } = await espalier(["eval", ...args], project.folder);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(said);
  });

  test("are counted for people, too", async () => {
    const args = ["eval", "model", "--data", "two/*.txt", "--window", "16", "--take", "2"];
    const { code, stdout } = await espalier(args, project.folder);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^loss \d+\.\d+\nperplexity \d+(\.\d+)?\nover 32 tokens: 2 windows of 16\ntime [\d.]+ s on .+\n$/,
    );
  });

  test("of a model whose architecture stands in a file of the user's", async () => {
    const library = readFileSync(join(root, "stdlib/architectures/llama.prune"), "utf8");
    const own = library.replace("architecture llama", "architecture house");
    const folder = join(project.folder, "house");
    cpSync(project.model, folder, { recursive: true });
    const config = readFileSync(join(folder, "config.json"), "utf8");
    for (const [path, text] of [
      [join(folder, "config.json"), config],
      [join(project.folder, "house.prune"), own],
    ] as const)
      writeFileSync(path, text.replace("LlamaForCausalLM", "HouseForCausalLM"));
    const args = ["--data", "two/*.txt", "--window", "16", "--take", "2"];
    const known = await evaluate(["model", ...args], project.folder);
    const used = await evaluate(["house", ...args, "--use", "house.prune"], project.folder);
    expect(used.loss).toBe(known.loss);
    const without = await espalier(["eval", "house", ...args], project.folder);
    expect(without.code).toBe(3);
    expect(without.stderr).toContain("HouseForCausalLM");
    writeFileSync(
      join(project.folder, "house.prune"),
      own.replace("LlamaForCausalLM", "HouseForCausalLM").replace("silu(m . gate", "silu(m . gat"),
    );
    const commands = [
      ["check", "house.prune"],
      ["eval", "house", ...args, "--use", "house.prune"],
      ["generate", "house", "--prompt", "Peace", "--use", "house.prune"],
    ];
    for (const command of commands) {
      const wrong = await espalier(command, project.folder);
      expect(wrong.code).toBe(1);
      expect(wrong.stderr).toMatch(
        /^error\[unknown-in-library\]: `gat` is not defined here\n +┌─ house\.prune:\d+:20\n/,
      );
      expect(wrong.stderr).toContain("did you mean `gate`?");
    }
  });

  test.each([
    ["--window", "0"],
    ["--take", "none"],
  ])("%s %s is refused with exit code 2", async (option, value) => {
    const args = ["eval", "model", "--data", "two/*.txt", option, value];
    const { code, stderr } = await espalier(args, project.folder);
    expect(code).toBe(2);
    expect(stderr).toContain(`${option} takes a whole number from 1, not ${value}`);
  });
});
