/** Rows that are reduced, by every way to share them out, against float64: few and long, many, not a multiple of anything. */
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Dense } from "../../compiler/ir/tensor.js";
import { type Lowered, lower } from "../../compiler/schedule/lower.js";
import { portableTarget } from "../../compiler/schedule/target.js";
import { everyDevice } from "../support/device.js";
import { randomArray, worstError } from "../support/numbers.js";
import { type DrawnGraph, feedPlacement, runLowered } from "../support/run-graph.js";

/** Softmax, norm, largest element and sum of rows [position] over [vocab]: phases that need each other, and one that stands alone. */
const graphOf = (position: number, vocab: number): DrawnGraph => {
  const b = new Builder();
  const axes = [
    { name: "position", size: position },
    { name: "vocab", size: vocab },
  ];
  const x = b.input("x", axes);
  const most = b.reduce("max", x, ["vocab"]);
  const powers = b.unary("exp", b.binary("sub", x, most));
  const squares = b.sum(b.binary("mul", x, x), ["vocab"]);
  const data = Float64Array.from(randomArray(position * vocab, vocab), (v) => Math.fround(4 * v));
  return {
    graph: {
      outputs: {
        softmax: b.binary("div", powers, b.sum(powers, ["vocab"])),
        norm: b.binary("div", x, b.unary("sqrt", squares)),
        most: b.unary("neg", most),
        sum: b.sum(x, ["vocab"]),
        all: b.sum(x, ["position", "vocab"]),
      },
    },
    values: new Map<string, Dense>([["x", { axes, data }]]),
  };
};

/** The dispatches by their launch of this index, or their last. */
const by = (lowered: Lowered, index: number): Lowered => ({
  ...lowered,
  program: {
    ...lowered.program,
    dispatches: lowered.program.dispatches.map((dispatch) => ({
      ...dispatch,
      launches: dispatch.launches.slice(Math.min(index, dispatch.launches.length - 1)).slice(0, 1),
    })),
  },
});

test.each([
  [3, 255, 1],
  [3, 300, 1],
  [1, 70001, 1],
  [65, 1030, 2],
  [300, 257, 2],
  [64, 2049, 2],
])("%i rows of %i", async (position, vocab, ways) => {
  const drawn = graphOf(position, vocab);
  const exact = interpret(drawn.graph, drawn.values);
  const lowered = lower("rows", drawn.graph, feedPlacement(drawn), portableTarget);
  expect(Math.max(...lowered.program.dispatches.map(({ launches }) => launches.length))).toBe(ways);
  for (const device of await everyDevice())
    for (let way = 0; way < ways; way++) {
      const found = await runLowered(by(lowered, way), drawn.values, device);
      for (const [name, { data }] of Object.entries(exact)) {
        const size = data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        const where = `${name}, way ${way} on ${device.report.device}`;
        expect(worstError(found.get(name), data) / size, where).toBeLessThan(1e-5);
      }
      expect(await runLowered(by(lowered, way), drawn.values, device)).toEqual(found);
    }
});
