/** `private function`: seen by its own file, by no other, and offered to none. */
import { expect, test } from "vitest";
import { parse } from "../../grammar/parse.js";
import { checkText, edited } from "./sotu.js";

const LOSS = "kld(temperature: 1)";

const HOUSE = `edition 1

private function weighed(x) = 3 * x

function heavy(x) = weighed(x)
`;

/** Another file with a private function of the same name. */
const YARD = HOUSE.replace("3 * x", "5 * x").replace("heavy", "heavier");

const withLoss = (loss: string) => {
  const text = edited([
    ["use minitron", 'use minitron\nuse "./house.prune"\nuse "./yard.prune"'],
    [LOSS, loss],
  ]);
  return checkText(text, {}, { texts: { "house.prune": HOUSE, "yard.prune": YARD } }).diagnostics;
};

test("its file uses it, and another file may have one of the name", () => {
  expect(withLoss("heavy(kld()) + heavier(kld())")).toEqual([]);
});

test("a spec does not see it, and is offered what is shared", () => {
  expect(withLoss("weighed(kld())")).toMatchObject([{ code: "unknown-in-library" }]);
  const [near] = withLoss("weighted(kld())");
  expect(near?.code).toBe("unknown-in-library");
  expect(near?.hint ?? "").not.toContain("weighed");
});

test("those of the standard library are not seen either", () => {
  expect(withLoss("yarn_amplitude(2, 1) * kld()")).toMatchObject([{ code: "unknown-in-library" }]);
});

test("nothing but a function is private", () => {
  const { diagnostics } = parse("a.prune", "edition 1\nprivate loss one() = 1\n");
  expect(diagnostics).toMatchObject([{ code: "unexpected-text" }]);
  expect(diagnostics[0]?.message).toContain("`function`");
});
