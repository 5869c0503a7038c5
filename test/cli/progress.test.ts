/** What is said while a run works, on a clock of the test's own. */
import { describe, expect, test } from "vitest";
import { duration, noPace, type Pace, paced, paceText } from "../../runtime/cli/pace.js";
import { plainReporter } from "../../runtime/cli/progress.js";

/** Steps of 100 tokens; `seconds` are what each took. */
const stepping = (seconds: readonly number[], total: number): Pace => {
  let at = 0;
  let pace = noPace;
  seconds.forEach((took, index) => {
    at += took;
    pace = paced(pace, at, { done: index + 1, total, tokens: (index + 1) * 100 });
  });
  return pace;
};

describe("pace", () => {
  test("says nothing of speed until it knows", () => {
    expect(paceText(noPace)).toBe("");
    expect(paceText(stepping([30], 10))).toBe("");
  });

  test("forgets a slow start within its window", () => {
    // A minute for the first step, ten seconds for the next two, then one each.
    const settled = stepping([60, 10, 10, ...Array.from({ length: 12 }, () => 1)], 115);
    expect(paceText(settled)).toBe("100 tokens/s, 1m40s left");
  });

  test("of long steps is that of the last few", () => {
    expect(paceText(stepping([500, 50, 50, 50], 10))).toBe("2 tokens/s, 5m00s left");
    expect(paceText(stepping([500, 50, 50, 50, 100, 100, 100], 10))).toBe("1 tokens/s, 5m00s left");
  });

  test("begins anew with the next model of an evaluation", () => {
    const next = (pace: Pace, at: number, done: number) =>
      paced(pace, at, { done, total: 40, tokens: done * 100 });
    const first = next(stepping([1, 1, 1], 40), 4, 1);
    expect(paceText(first)).toBe("");
    expect(paceText(next(first, 6, 11))).toBe("500 tokens/s, 6s left");
  });

  test("has the loss, and no time left at the end", () => {
    const pace = paced(stepping([1, 1], 3), 3, { done: 3, total: 3, tokens: 300, loss: 2.5 });
    expect(paceText(pace)).toBe("100 tokens/s, loss 2.5000, 0s left");
  });

  test.each([
    [7.4, "7s"],
    [59.6, "1m00s"],
    [185, "3m05s"],
    [7440, "2h04m"],
  ])("%s seconds are %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

test("elsewhere than on a terminal there are plain lines, five seconds apart", () => {
  let time = 100;
  const lines: string[] = [];
  const reporter = plainReporter({ write: (text) => lines.push(text), now: () => time });
  reporter.begin("distill healed", "8 steps of 100 tokens");
  for (let step = 1; step <= 8; step++) {
    time += 2;
    reporter.progress({ done: step, total: 8, tokens: step * 100, loss: 4 - step / 10 });
  }
  reporter.end("loss 3.2000 after 800 tokens");
  reporter.line("warning: done");
  expect(lines).toEqual([
    "distill healed: 8 steps of 100 tokens",
    "distill healed: 3/8, 50 tokens/s, loss 3.7000, 10s left",
    "distill healed: 6/8, 50 tokens/s, loss 3.4000, 4s left",
    "distill healed: loss 3.2000 after 800 tokens (16s)",
    "warning: done",
  ]);
});

test("where a stage works on several models, progress says on which", () => {
  let time = 0;
  const lines: string[] = [];
  const reporter = plainReporter({ write: (text) => lines.push(text), now: () => time });
  reporter.begin("evaluate", "teacher, student");
  for (const model of ["teacher", "student"]) {
    time += 6;
    reporter.progress({ done: 8, total: 16, tokens: 2048, model });
  }
  expect(lines.slice(1)).toEqual(["evaluate: teacher 8/16", "evaluate: student 8/16"]);
});
