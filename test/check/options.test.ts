/** `--set`, `--profile`, constants with units, and used files. */
import { describe, expect, test } from "vitest";
import { brief, checkText, edited } from "./sotu.js";

const withParams = edited([
  [
    "use minitron\n",
    'use minitron\nparam length = 40K tokens\nlet half = 50%\nparam name = "sotu-half"\nparam seed = 7\n',
  ],
  ["stop      40K tokens", "stop      half * length"],
  ['to "sotu-half"', "to name"],
  [
    "  dtype  bf16\n}\n",
    "  dtype  bf16\n}\nprofile smoke {\n  length = 4K tokens\n  healed.batch = 4 windows\n  unseen.take = 3 windows\n}\n",
  ],
]);

const distill = (result: ReturnType<typeof checkText>) =>
  result.recipe?.steps.find((step) => step.kind === "distill");

describe("params", () => {
  test("take their defaults", () => {
    const result = checkText(withParams);
    expect(result.diagnostics).toEqual([]);
    expect(distill(result)).toMatchObject({ steps: 40 });
    expect(result.recipe?.seed).toBe(7);
    expect(result.recipe?.settings).toEqual({
      length: "40000 tokens",
      name: "sotu-half",
      seed: "7",
    });
  });

  test("are set from outside, a plain number in the default's unit, a text without quotes", () => {
    const result = checkText(withParams, { set: { length: "8K", name: "other" } });
    expect(result.diagnostics).toEqual([]);
    expect(distill(result)).toMatchObject({ steps: 8 });
    expect(result.recipe?.steps.at(-1)).toMatchObject({ path: "other" });
  });

  test.each([
    ["lenght", "8K", "unknown-param", "did you mean `length`?"],
    ["half", "10%", "unknown-param", "declare it with `param`"],
    ["length", "8 steps", "unit-mismatch", undefined],
  ])("--set %s=%s is refused: %s", (name, value, code, hint) => {
    const result = checkText(withParams, { set: { [name]: value } });
    expect(result.recipe).toBeNull();
    expect(result.diagnostics).toMatchObject([{ code, path: `--set ${name}` }]);
    expect(result.diagnostics[0]?.hint).toBe(hint);
    expect(result.sources.has(`--set ${name}`)).toBe(true);
  });

  test("a value that is no expression is a syntax error of the command line", () => {
    const result = checkText(withParams, { set: { length: "8K ) (" } });
    expect(result.recipe).toBeNull();
    expect(result.diagnostics.every(({ path }) => path === "--set length")).toBe(true);
  });
});

describe("profiles", () => {
  test("replace params and settings", () => {
    const result = checkText(withParams, { profile: "smoke" });
    expect(result.diagnostics).toEqual([]);
    expect(distill(result)).toMatchObject({ steps: 2, windows: 4 });
    expect(result.recipe?.data.get("unseen")?.take).toBe(3);
  });

  test("that are unknown are refused", () => {
    const result = checkText(withParams, { profile: "smoek" });
    expect(result.diagnostics).toMatchObject([
      { code: "unknown-profile", path: "--profile", hint: "did you mean `smoke`?" },
    ]);
  });
});

describe("used files", () => {
  const house = `edition 1
let grain = 32
function twice(x) = 2 * x
loss double(target [window, position, vocab] = teacher.logits, guess [window, position, vocab] = student.logits) {
  twice(mean[window, position](sum[vocab]((target - guess) * (target - guess))))
}
`;
  test("give their names, with a prefix under an alias", () => {
    const text = edited([
      ["use minitron\n", 'use minitron\nuse "./house.prune" as house\n'],
      ["hidden 128 -> 96 ", "hidden 128 -> 3 * house.grain "],
      ["kld(temperature: 1)", "kld(temperature: 1) + 0.5 * house.double()"],
    ]);
    const result = checkText(text, {}, { texts: { "house.prune": house } });
    expect(result.diagnostics).toEqual([]);
    expect(Object.keys(result.recipe?.sources() ?? {})).toContain("house.prune");
  });

  test("are checked too, at their own place", () => {
    const text = edited([["use minitron\n", 'use minitron\nuse "./house.prune"\n']]);
    const result = checkText(
      text,
      {},
      { texts: { "house.prune": "let grain = 3 tokens + 1 %\n" } },
    );
    expect(result.diagnostics).toMatchObject([
      { code: "unit-mixed", path: "house.prune", span: { start: 12, end: 26 } },
    ]);
  });

  test("may be used twice, but not with one name for two things", () => {
    const text = edited([
      ["use minitron\n", 'use minitron\nuse "./a.prune"\nuse "./b.prune"\nlet grain = 1\n'],
    ]);
    const texts = {
      "a.prune": 'use "./c.prune"\n',
      "b.prune": 'use "./c.prune"\n',
      "c.prune": "let grain = 2\n",
    };
    expect(brief(text, checkText(text, {}, { texts }))).toEqual(["6:5 duplicate-name"]);
  });
});
