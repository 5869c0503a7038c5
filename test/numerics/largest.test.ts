/** The k largest of rows where the k-th is −∞, one of many equal, or too small for a normal number: on every adapter. */
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Dense } from "../../compiler/ir/tensor.js";
import { evaluate } from "../../compiler/library/elaborate.js";
import { nodeOf } from "../../compiler/library/environment.js";
import { loadLibrary } from "../../compiler/library/load.js";
import { rootEnvironment } from "../../compiler/library/loss.js";
import { tensorValue } from "../../compiler/library/value.js";
import { lower } from "../../compiler/schedule/lower.js";
import { portableTarget } from "../../compiler/schedule/target.js";
import { parse } from "../../grammar/parse.js";
import { everyDevice } from "../support/device.js";
import { type DrawnGraph, feedPlacement, runLowered } from "../support/run-graph.js";

const devices = (await everyDevice()).map((device) => [device.report.device, device] as const);

const LOW = Number.NEGATIVE_INFINITY;
/** The least number above 0 in f32, and the largest that is not normal. */
const [TINY, SMALL] = [2 ** -149, 2 ** -126 - 2 ** -149];

/** Rows of logits, and which of them are the three largest: of equal ones the first. */
const ROWS: readonly (readonly [what: string, logits: readonly number[], kept: string])[] = [
  ["−∞ at the k-th place", [LOW, 5, LOW, LOW, 4, LOW], "110010"],
  ["nothing but −∞", [LOW, LOW, LOW, LOW, LOW, LOW], "111000"],
  ["one number above −∞", [LOW, LOW, LOW, LOW, LOW, -3], "110001"],
  ["equal ones at the k-th place", [1, 2, 1, 3, 1, 1], "110100"],
  ["nothing but equal ones", [7, 7, 7, 7, 7, 7], "111000"],
  ["both zeros", [-0, -1, 0, -0, 0, -1], "101100"],
  ["numbers near the ends of the range", [3.4e38, LOW, -3.4e38, 3.4e38, LOW, LOW], "101100"],
  ["too small to be normal at the k-th place", [TINY, 1, SMALL, -TINY, 2, -SMALL], "110010"],
  ["too small to be normal, below 0", [-2, -TINY, -1, -SMALL, TINY, -SMALL], "010110"],
  ["the least normal one", [SMALL, 2 ** -126, -(2 ** -126), TINY, 0, -TINY], "110100"],
];

const masks = (k: number): DrawnGraph => {
  const { file } = parse("top.prune", `edition 1\nfunction top(x) = largest[vocab](x, ${k})\n`);
  const decl = file.declarations.find((d) => d.kind === "definition");
  if (decl?.kind !== "definition" || decl.body.result === null) throw new Error("nothing to test");
  const builder = new Builder();
  const axes = [
    { name: "row", size: ROWS.length },
    { name: "vocab", size: ROWS[0]?.[1].length ?? 0 },
  ];
  const given = new Map([["x", tensorValue(builder.input("x", axes))]]);
  const root = rootEnvironment(loadLibrary([]).library, builder, file, given);
  const env = { ...root, axes: new Map(axes.map((axis) => [axis.name, axis])) };
  const mask = nodeOf(env, evaluate(env, decl.body.result), decl.name.span);
  const data = Float64Array.from(ROWS.flatMap(([, logits]) => [...logits]));
  return { graph: { outputs: { mask } }, values: new Map<string, Dense>([["x", { axes, data }]]) };
};

const rowsOf = (mask: ArrayLike<number> = []): readonly (readonly [string, string])[] =>
  ROWS.map(([what, { length }], row) => [
    what,
    Array.from({ length }, (_, at) => mask[row * length + at]).join(""),
  ]);

const expected = ROWS.map(([what, , kept]) => [what, kept]);

test("k of them in float64", () => {
  const { graph, values } = masks(3);
  expect(rowsOf(interpret(graph, values).mask?.data)).toEqual(expected);
});

test.each(devices)("%s: k of them, the first of equal ones", async (_, device) => {
  const drawn = masks(3);
  const lowered = lower("largest", drawn.graph, feedPlacement(drawn), portableTarget);
  expect(rowsOf((await runLowered(lowered, drawn.values, device)).get("mask"))).toEqual(expected);
});
