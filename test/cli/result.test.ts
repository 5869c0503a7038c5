/** The end of a run, as people read it. */
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { typedPath } from "../../runtime/cli/paths.js";
import { resultText } from "../../runtime/cli/result.js";
import { table } from "../../runtime/cli/table.js";
import type { RunOutcome } from "../../runtime/run/run.js";

const outcome: RunOutcome = {
  out: resolve("out/half"),
  interrupted: false,
  adapter: "embedded / SwiftShader",
  seconds: 192.3,
  models: [
    { name: "teacher", parameters: 1443456 },
    { name: "student", parameters: 820000 },
    { name: "healed", parameters: 820000 },
  ],
  measures: [
    { model: "teacher", data: "unseen", metric: "perplexity", value: 23.456789 },
    { model: "healed", data: "unseen", metric: "perplexity", value: 31.2 },
  ],
  speeds: [
    { model: "teacher", data: "unseen", tokensPerSecond: 1050 },
    { model: "healed", data: "unseen", tokensPerSecond: 1900 },
  ],
  stages: [
    { stage: "open teacher", seconds: 0.1 },
    { stage: "score merit", seconds: 21.2 },
    { stage: "distill healed", seconds: 130 },
  ],
  verdicts: [
    {
      text: "params(healed) <= 60% of params(teacher)",
      left: 820000,
      right: 866073.6,
      holds: true,
    },
  ],
  exports: [resolve("out/half/sotu-half")],
  memory: { device: 300 * 2 ** 20, process: 1.5 * 2 ** 30 },
};

const plain = (text: string): string =>
  text.replace(new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g"), "");

describe("the end of a run", () => {
  test("shows models before and after: parameters, metrics, speed, time", () => {
    expect(plain(resultText(outcome)).replaceAll("\\", "/")).toBe(`
model    parameters  of teacher  perplexity  tokens/s
teacher   1,443,456      100.0%      23.457     1,050
student     820,000       56.8%
healed      820,000       56.8%      31.200     1,900

✓ params(healed) <= 60% of params(teacher)   (820,000, 866,074)

model: out/half/sotu-half
time: 3m12s (score merit 21s, distill healed 2m10s) on embedded / SwiftShader
memory: 300 MiB on the device, 1.5 GiB in the process
`);
  });

  test("adds up the time of stages of one name, and of the candidates of a search", () => {
    const stages = [
      { stage: "evaluate", seconds: 0.7 },
      { stage: "distill light.1", seconds: 2 },
      { stage: "distill light.12", seconds: 3 },
      { stage: "evaluate", seconds: 0.7 },
    ];
    expect(plain(resultText({ ...outcome, stages }))).toMatch(
      /^time: 3m12s \(evaluate 1s, distill light 5s\) on /m,
    );
  });

  test("leaves out what there is not", () => {
    const bare: RunOutcome = {
      ...outcome,
      models: outcome.models.slice(0, 1),
      measures: [],
      speeds: [],
      stages: [],
      verdicts: [],
      memory: null,
    };
    expect(plain(resultText(bare)).replaceAll("\\", "/")).toBe(`
model    parameters
teacher   1,443,456

model: out/half/sotu-half
time: 3m12s on embedded / SwiftShader
`);
  });
});

test("a path that is said for a shell is in quotes where that would take it apart", () => {
  expect(typedPath(resolve("out/half")).replaceAll("\\", "/")).toBe("out/half");
  expect(typedPath(resolve("út/prøve"))).toMatch(/^út.prøve$/);
  expect(typedPath(resolve("out/my run")).replaceAll("\\", "/")).toBe('"out/my run"');
});

test("a table's columns are as wide as their widest cell", () => {
  expect(table([["a", "bb"], ["ccc", "d"], ["e"]])).toEqual(["a    bb", "ccc   d", "e"]);
  expect(table([])).toEqual([]);
});
