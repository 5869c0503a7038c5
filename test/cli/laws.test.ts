/** `espalier test` as a user gives it: with a config.json and no weights, no data and no device. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LAWS } from "../../laws/all.js";
import { espalier } from "../support/espalier.js";
import { tinySpec } from "../support/tiny-project.js";

const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  num_hidden_layers: 2,
  hidden_size: 16,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 24,
  vocab_size: 2048,
};

const LOSS = `edition 1

/// Least where the student is off by a hundredth.
loss shifted(target [window, position, vocab] = teacher.logits, guess [window, position, vocab] = student.logits) {
  gap = target - guess + 0.01
  mean[window, position, vocab](gap * gap)
}
`;

let folder: string;
const at = (name: string): string => join(folder, name);
const write = (name: string, text: string): string => {
  writeFileSync(at(name), text);
  return at(name);
};
const run = (...args: readonly string[]) => espalier(["test", ...args], folder);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier laws "));
  mkdirSync(at("model"));
  write("model/config.json", JSON.stringify(CONFIG));
  write("tiny.prune", tinySpec());
  write("loss.prune", LOSS);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("laws that hold", () => {
  test("are named, each with how many cases, and end with 0", async () => {
    const { code, stdout, stderr } = await run("tiny.prune", "--runs", "3");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^small models of teacher:$/m);
    for (const { name, says } of LAWS) {
      expect(stdout).toContain(`✓ ${name}: ${says} (3 cases)`);
      expect(stderr).toMatch(new RegExp(`^${name}: `, "m"));
    }
  });

  test("as JSON, one of them", async () => {
    const args = ["--runs", "2", "--law", "masking", "--law", "nesting", "--seed", "7", "--json"];
    const { code, stdout } = await run("tiny.prune", ...args);
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ spec: "tiny.prune", seed: 7 });
    expect(report.results).toEqual(
      ["masking", "nesting"].map((law) => ({
        model: "teacher",
        law,
        says: LAWS.find(({ name }) => name === law)?.says,
        outcome: "holds",
        runs: 2,
      })),
    );
  });

  test.each(["losses", "architectures"])("of a file of the library: %s", async (kind) => {
    const library = join(import.meta.dirname, "../../stdlib", kind);
    const file = join(library, readdirSync(library)[0] ?? "");
    const { code, stdout, stderr } = await run(file, "--runs", "1", "--law", "gradients");
    expect(stderr).not.toContain("error");
    expect(stdout).toMatch(/^✓ gradients: .* \(1 cases\)$/m);
    expect(code).toBe(0);
  });

  test("of nothing to train are skipped, which is said", async () => {
    const text = readFileSync(at("tiny.prune"), "utf8").replace(/distill[\s\S]*$/, "");
    write("scored.prune", text);
    const { code, stdout } = await run("scored.prune", "--law", "gradients");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^- gradients: .* \(skipped: nothing is trained\)$/m);
  });
});

describe("a law that is broken", () => {
  test("is shown with its smallest model, found again by what it says, and ends with 4", async () => {
    const { code, stdout } = await run("loss.prune", "--law", "divergence", "--runs", "100");
    expect(code).toBe(4);
    expect(stdout).toMatch(/^✗ divergence: /m);
    expect(stdout).toMatch(/shifted is 0\.000100000 where student and teacher are the same/);
    expect(stdout).toMatch(/the smallest such model: layer 1, /);
    const [, again = ""] = /^ *again: espalier test (.*)$/m.exec(stdout) ?? [];
    const repeated = await run(...again.split(" "), "--json");
    expect(repeated.code).toBe(4);
    const [result] = JSON.parse(repeated.stdout).results;
    expect(result).toMatchObject({ law: "divergence", outcome: "broken" });
    expect(stdout).toContain(result.by.reason);
    expect(Object.values(result.by.sizes).every((size) => Number(size) <= 8)).toBe(true);
    expect(`espalier test ${again}`).toBe(result.again);
  });
});

describe("what cannot be tried", () => {
  const refused = async (args: readonly string[], code: number, says: RegExp): Promise<void> => {
    const ended = await run(...args);
    expect(ended.stderr).toMatch(says);
    expect(ended.stderr).not.toMatch(/\n\s+at /);
    expect(ended.stdout).toBe("");
    expect(ended.code).toBe(code);
  };

  test("a law of another name", () =>
    refused(["tiny.prune", "--law", "maskin"], 2, /no law maskin\n.*--law masking/));

  test("a model of another name", () =>
    refused(["tiny.prune", "--model", "student"], 2, /no model student.*\n.*there is teacher/));

  test("a path of no law", () => refused(["tiny.prune", "--path", "3:0"], 2, /one law/));

  test("a path that is none", () =>
    refused(["tiny.prune", "--law", "nesting", "--path", "no"], 2, /--path/));

  test("no cases", () => refused(["tiny.prune", "--runs", "0"], 2, /--runs/));

  test("a file that is missing", () => refused(["other.prune"], 2, /cannot read/));

  test("a spec that is wrong", async () => {
    write("wrong.prune", tinySpec().replace("kld(", "kldd("));
    await refused(["wrong.prune"], 1, /error\[unknown-in-library\]/);
  });

  test("a file with nothing to try", async () => {
    write("empty.prune", "edition 1\n\nschedule flat(peak) = peak\n");
    await refused(["empty.prune"], 2, /defines nothing that laws speak of/);
  });

  test.each([
    ["is not JSON", "{", /config\.json/],
    ["is a list", "[]", /config\.json/],
    ["has sizes beyond all numbers", JSON.stringify({ ...CONFIG, hidden_size: 1e300 }), /hidden/],
    ["has sizes that are texts", JSON.stringify({ ...CONFIG, hidden_size: "16" }), /hidden/],
  ])("a config.json that %s", async (_what, text, says) => {
    write("model/config.json", text);
    await refused(["tiny.prune"], 1, says);
  });

  test("an architecture whose sizes explode: its laws are skipped", async () => {
    write(
      "large.prune",
      `edition 1
architecture large for "LargeForCausalLM" {
  axis hidden = hidden_size * 1000003
  axis vocab  = vocab_size
  weight embed "embed" [vocab, hidden]
  forward(tokens [window, position] of vocab) {
    x = embed[tokens]
    tap hidden: x
    logits = x . embed
  }
}
`,
    );
    write(
      "model/config.json",
      JSON.stringify({ architectures: ["LargeForCausalLM"], hidden_size: 1, vocab_size: 8 }),
    );
    write("spec.prune", 'edition 1\nuse "./large.prune"\nmodel teacher = open("model")\n');
    const { code, stdout } = await run("spec.prune");
    expect(code).toBe(0);
    expect(stdout).toMatch(/skipped: config\.json has no word for small sizes/);
  });
});
