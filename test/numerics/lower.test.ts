/**
 * Lowering: random graphs on the device give what the float64 interpreter gives: fused or not, and with tensors cut into
 * pieces by a binding limit far below their size.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { interpret } from "../../compiler/ir/interpret.js";
import { lower } from "../../compiler/schedule/lower.js";
import { BindingTooLarge } from "../../compiler/schedule/storage.js";
import { portableTarget, type Target } from "../../compiler/schedule/target.js";
import { type GraphCase, graphCase } from "../support/arbitraries/graph.js";
import { worstError } from "../support/numbers.js";
import { type DrawnGraph, drawnGraph, feedPlacement, runLowered } from "../support/run-graph.js";

const run = async (drawn: DrawnGraph, target: Target) =>
  runLowered(lower("case", drawn.graph, feedPlacement(drawn), target), drawn.values);

const targets: readonly (readonly [string, Target])[] = [
  ["fused", portableTarget],
  ["one kernel a node", { ...portableTarget, fuse: false }],
  ["in pieces of three quarters of a kilobyte", { ...portableTarget, maxBinding: 768 }],
  ["in pieces, one kernel a node", { ...portableTarget, maxBinding: 640, fuse: false }],
];

/** Graphs that were lowered wrongly before: a shift along an axis that four elements loaded together share. */
const BROKEN: [GraphCase][] = [
  [
    {
      seed: 0,
      sizes: { window: 2, position: 2, hidden: 2, vocab: 1 },
      steps: [
        { kind: 20, pick: [0, 0, 45, 0, 0] },
        { kind: 0, pick: [0, 0, 0, 0, 0] },
      ],
    },
  ],
];

/** WGSL promises sine and cosine to 2^-11 only; SwiftShader is off by 1e-4. */
const near = (values: ArrayLike<number>): number =>
  3e-4 * (1 + Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0));

test.each(targets)("random graphs, %s", async (_name, target) => {
  let cut = 0;
  await fc.assert(
    fc.asyncProperty(graphCase(), async (drawn) => {
      const made = drawnGraph(drawn);
      const expected = interpret(made.graph, made.values);
      const found = await run(made, target).catch((error: unknown) => {
        if (error instanceof BindingTooLarge) return null;
        throw error;
      });
      if (found === null) return;
      cut++;
      for (const [name, { data }] of Object.entries(expected))
        expect(worstError(found.get(name), data), name).toBeLessThan(near(data));
    }),
    { numRuns: 100, examples: BROKEN },
  );
  // Few graphs may be refused: those with an attention whose window alone is too large.
  expect(cut).toBeGreaterThan(80);
});
