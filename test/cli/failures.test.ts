/** What users do wrong, and what files may be: one clear line, the right exit code, nothing half-written. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ended, espalier } from "../support/espalier.js";
import { makeTinyProject, safetensorsBytes, type TinyProject } from "../support/tiny-project.js";

let project: TinyProject;
beforeEach(() => {
  project = makeTinyProject();
});
afterEach(() => rmSync(project.folder, { recursive: true, force: true }));

const expectClearFailure = ({ code, stderr }: Ended, says: RegExp): void => {
  const errors = stderr.split("\n").filter((line) => line.startsWith("error"));
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(says);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(code).toBe(3);
};

const run = (): Promise<Ended> =>
  espalier(["run", project.spec, "--out", join(project.folder, "out")]);

describe("a broken model", () => {
  afterEach(() => {
    expect(existsSync(join(project.folder, "out/tiny-half"))).toBe(false);
  });

  test("cut short", async () => {
    truncateSync(join(project.model, "model.safetensors"), 5000);
    expectClearFailure(await run(), /model\.safetensors/);
  });

  test("with a header that claims 2^60 bytes", async () => {
    const bytes = readFileSync(join(project.model, "model.safetensors"));
    bytes.writeBigUInt64LE(2n ** 60n, 0);
    writeFileSync(join(project.model, "model.safetensors"), bytes);
    expectClearFailure(await run(), /header/);
  });

  test("with a tensor of the wrong shape", async () => {
    writeFileSync(
      join(project.model, "model.safetensors"),
      safetensorsBytes([["model.embed_tokens.weight", [2048, 15]]]),
    );
    expectClearFailure(await run(), /embed_tokens|model\./);
  });

  test("without a tokenizer", async () => {
    rmSync(join(project.model, "tokenizer.json"));
    expectClearFailure(await run(), /tokenizer\.json/);
  });

  test("with a rotary base of 0, whose angles are not numbers", async () => {
    const path = join(project.model, "config.json");
    const config = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...config, rope_theta: 0 }));
    writeFileSync(
      project.spec,
      'edition 1\nmodel teacher = open("model")\ndata texts = text("texts/*.txt") { window 16 }\nevaluate teacher on texts { loss }\n',
    );
    const ended = await run();
    expectClearFailure(ended, /the loss of teacher is not a number/);
    expect(ended.stderr).toMatch(/hint: look for a weight that is not a number/);
  });

  test("without text", async () => {
    rmSync(join(project.folder, "texts"), { recursive: true });
    expectClearFailure(await run(), /texts/);
  });
});

describe("the output folder", () => {
  test("that is a file", async () => {
    writeFileSync(join(project.folder, "out"), "");
    expectClearFailure(await run(), /out/);
  });

  test("that cannot be written", async () => {
    const locked = join(project.folder, "locked");
    mkdirSync(locked);
    chmodSync(locked, 0o555);
    // Root writes anywhere; a path below a file fails for everyone.
    const out = process.getuid?.() === 0 ? join(project.spec, "out") : join(locked, "out");
    expectClearFailure(await espalier(["run", project.spec, "--out", out]), /out/);
  });

  test("that holds another run", async () => {
    expect((await run()).code).toBe(0);
    writeFileSync(project.spec, readFileSync(project.spec, "utf8").replace("stop 6", "stop 7"));
    expectClearFailure(await run(), /another spec/);
  });

  test("that holds no run cannot be resumed", async () => {
    expectClearFailure(await espalier(["resume", project.folder]), /no run/);
  });
});

describe("the device", () => {
  test("that no adapter is called like", async () => {
    const args = ["run", project.spec, "--out", join(project.folder, "out")];
    const ended = await espalier([...args, "--adapter", "no such one"]);
    expectClearFailure(ended, /no adapter for --adapter no such one/);
    expect(ended.stderr).toMatch(/^hint: .*espalier doctor/m);
  });
});

describe("the command line", () => {
  test("a spec with three mistakes reports three, each placed to the column", async () => {
    writeFileSync(
      project.spec,
      readFileSync(project.spec, "utf8")
        .replace("hidden, mlp, query by", "hidden, heads by")
        .replace("hidden 16 -> 12", "hidden 16 -> 20")
        .replace("take 8 windows", "take 8 steps"),
    );
    const { code, stdout } = await espalier(["check", project.spec, "--json"]);
    expect(code).toBe(1);
    const { diagnostics } = JSON.parse(stdout);
    expect(
      diagnostics.map((d: { start: { line: number; column: number } }) => [
        d.start.line,
        d.start.column,
      ]),
    ).toEqual([
      [8, 8],
      [9, 11],
      [13, 16],
    ]);
  });

  test("a right spec exits 0, an unknown command 2, --help 0", async () => {
    expect((await espalier(["check", project.spec])).code).toBe(0);
    expect((await espalier(["prune"])).code).toBe(2);
    expect((await espalier(["run", "--help"])).code).toBe(0);
    expect((await espalier(["check", "missing.prune"])).code).toBe(2);
  });

  test("a spec that is no text, and one with nothing to time, are refused in a line", async () => {
    writeFileSync(project.spec, Buffer.from("edition 1\n// caf\u00e9\n", "latin1"));
    const latin = await espalier(["check", project.spec]);
    expect([latin.code, latin.stderr.trim()]).toEqual([
      2,
      `error: cannot read ${project.spec}: it is not UTF-8 text`,
    ]);
    writeFileSync(project.spec, "edition 1\n");
    const { code, stderr } = await espalier(["time", project.spec]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: .* has no programs, so there is nothing to time\n$/);
  });

  test("an expectation that does not hold exits 4", async () => {
    const text = readFileSync(project.spec, "utf8");
    writeFileSync(
      project.spec,
      `${text}
data some = text("texts/*.txt") { window 32
  take 4 windows }
evaluate healed on some { perplexity }
expect { perplexity(healed) < 2 }
`,
    );
    const { code, stdout } = await run();
    expect(stdout).toMatch(/✗/);
    expect(code).toBe(4);
  });
});
