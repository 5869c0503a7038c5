/** What `--help` says, as it stands in test/golden/help, and that what it names is there. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { commandHelp } from "../../runtime/cli/help.js";
import { VERSION } from "../../runtime/version.js";
import { espalier } from "../support/espalier.js";

const root = resolve(import.meta.dirname, "../..");
const commands = Object.keys(commandHelp);

/** Lines that a terminal of 80 columns would break. */
const tooLong = (text: string): string[] => text.split("\n").filter((line) => line.length > 80);

describe("--help", () => {
  test("of espalier", async () => {
    const { code, stdout } = await espalier(["--help"]);
    expect(code).toBe(0);
    expect(tooLong(stdout)).toEqual([]);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
    await expect(stdout).toMatchFileSnapshot("../golden/help/espalier.txt");
  });

  test.each(commands)("of %s", async (command) => {
    const { code, stdout } = await espalier([command, "--help"]);
    expect(code).toBe(0);
    expect(tooLong(stdout)).toEqual([]);
    await expect(stdout).toMatchFileSnapshot(`../golden/help/${command}.txt`);
  });

  test.each(commands)("of %s gives examples with options that there are", async (command) => {
    const { stdout } = await espalier([command, "--help"]);
    const [above = "", below = ""] = stdout.split("\nExamples:\n");
    const lines = below.split("\n").filter((line) => line.startsWith("  espalier "));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      expect(line).toContain(`espalier ${command} `.trimEnd());
      for (const [option] of line.matchAll(/--[a-z]+/g)) expect(above).toContain(`  ${option}`);
    }
  });
});

describe("a wrong command line", () => {
  test.each([
    [["run", "my.prune"], "--out <dir>", "espalier run --help"],
    [["eval", "models/my"], "--data <glob>", "espalier eval --help"],
    [["check", "my.prune", "--jsno"], "--json", "espalier check --help"],
    [["chek", "my.prune"], "Did you mean check", "espalier --help"],
  ])("%j says what is wrong and where to look", async (args, what, where) => {
    const { code, stdout, stderr } = await espalier(args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(what);
    expect(stderr).toContain(`(${where}`);
    expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(3);
  });
});

test("the version is that of package.json", async () => {
  const { version } = JSON.parse(readFileSync(resolve(root, "package.json"), "utf8"));
  expect(VERSION).toBe(version);
  expect((await espalier(["--version"])).stdout).toBe(`${version}\n`);
});
