/** How many tokens are taken at a time through what is as wide as the vocabulary. */
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { regionOf } from "../../compiler/passes/region.js";
import { slicesOf } from "../../compiler/planning/slices.js";
import { portableTarget, type Target, tensorBytes } from "../../compiler/schedule/target.js";

const window = { name: "window", size: 4 };
const position = { name: "position", size: 256 };
const hidden = { name: "hidden", size: 64 };
const vocab = { name: "vocab", size: 4096 };

/** 16 MiB of logits, and a sum of each row of them. */
const region = (() => {
  const b = new Builder();
  const states = b.unary("exp", b.input("states", [window, position, hidden]));
  const logits = b.contract(states, b.input("head", [vocab, hidden]), ["hidden"]);
  const graph = { outputs: { out: b.sum(b.unary("exp", logits), ["vocab"]) } };
  const found = regionOf(graph, ({ axes }) =>
    ["window", "vocab"].every((along) => axes.some(({ name }) => name === along)),
  );
  if (found === null) throw new Error("nothing is as wide as the vocabulary");
  return found;
})();

const MEBIBYTE = 2 ** 20;

/** Sizes of the slices, [window, position]. */
const sizes = (living: number, target: Partial<Target> = {}): number[][] => {
  const slices = slicesOf(region, [window, position], { ...portableTarget, ...target }, living);
  const tokens = slices.map((slice) => slice.sizes[0].size * slice.sizes[1].size);
  expect(slices.map(({ start }) => start)).toEqual(
    tokens.map((_, at) => tokens.slice(0, at).reduce((sum, count) => sum + count, 0)),
  );
  expect(tokens.reduce((sum, count) => sum + count, 0)).toBe(1024);
  return slices.map((slice) => slice.sizes.map(({ size }) => size));
};

const slice = (windows: number, positions: number) => [windows, positions];

test("beside a small model, as many tokens as are asked for", () => {
  expect(sizes(MEBIBYTE)).toEqual(Array.from({ length: 8 }, () => slice(1, 128)));
});

test("beside a larger model more, a tensor of them a twelfth of it at most", () => {
  expect(sizes(4 * 12 * MEBIBYTE - 1)).toEqual(Array.from({ length: 8 }, () => slice(1, 128)));
  expect(sizes(4 * 12 * MEBIBYTE)).toEqual(Array.from({ length: 4 }, () => slice(1, 256)));
  expect(sizes(8 * 12 * MEBIBYTE)).toEqual([slice(2, 256), slice(2, 256)]);
  expect(sizes(1000 * MEBIBYTE)).toEqual([slice(4, 256)]);
});

test("no more than fit a binding, and no more than are asked for where there is a memory target", () => {
  expect(sizes(1000 * MEBIBYTE, { maxBinding: 8 * MEBIBYTE })).toEqual([
    slice(2, 256),
    slice(2, 256),
  ]);
  expect(sizes(1000 * MEBIBYTE, { memory: 10_000 * MEBIBYTE }).length).toBe(8);
});

test("all at once where nothing is as large as what is worth it", () => {
  const leastBytes = 1 + Math.max(...[...region.nodes].map(({ axes }) => tensorBytes(axes)));
  expect(sizes(0, { slices: { tokens: 128, leastBytes } })).toEqual([slice(4, 256)]);
});
