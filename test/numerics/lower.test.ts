/**
 * Lowering: random graphs on the device give what the float64 interpreter gives: fused or not, and with tensors cut into
 * pieces by a binding limit far below their size.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Dense, Graph } from "../../compiler/ir/tensor.js";
import { BindingTooLarge } from "../../compiler/schedule/buffers.js";
import { lower } from "../../compiler/schedule/lower.js";
import { type InputPlace, portableTarget, type Target } from "../../compiler/schedule/target.js";
import { createExecutor } from "../../runtime/execute.js";
import { createTuning } from "../../runtime/tune.js";
import {
  type GraphCase,
  graphCase,
  graphInputs,
  graphNodes,
} from "../support/arbitraries/graph.js";
import { sharedDevice } from "../support/device.js";
import { worstError } from "../support/numbers.js";

interface Case {
  readonly graph: Graph;
  readonly values: ReadonlyMap<string, Dense>;
}

const caseOf = (drawn: GraphCase): Case => {
  const builder = new Builder();
  const inputs = graphInputs(builder, drawn);
  const nodes = graphNodes(builder, inputs, drawn);
  const outputs = nodes.map((node, at) => [`o${at}`, node] as const);
  return { graph: { outputs: Object.fromEntries(outputs) }, values: inputs.values };
};

const run = async ({ graph, values }: Case, target: Target): Promise<Map<string, Float32Array>> => {
  const device = await sharedDevice();
  const place: InputPlace = { kind: "feed", source: { kind: "tokens" } };
  const placement = {
    inputs: new Map([...values.keys()].map((name) => [name, place] as const)),
    outputs: new Map(),
  };
  const { program, kernels } = lower("case", graph, placement, target);
  const tuning = createTuning(device.report, {}, { tune: false, folder: null });
  const executor = createExecutor(device, kernels, tuning, { poison: true });
  const loaded = await executor.load(program);
  const feeds = Object.fromEntries(
    [...values].map(([name, { data }]) => [
      name,
      name === "tokens" ? Uint32Array.from(data) : Float32Array.from(data),
    ]),
  );
  await loaded.run(feeds);
  const found = new Map<string, Float32Array>();
  for (const { name } of program.outputs) found.set(name, await loaded.output(name));
  loaded.dispose();
  return found;
};

const targets: readonly (readonly [string, Target])[] = [
  ["fused", portableTarget],
  ["one kernel a node", { ...portableTarget, fuse: false }],
  ["in pieces of half a kilobyte", { ...portableTarget, maxBinding: 512 }],
  ["in pieces, one kernel a node", { ...portableTarget, maxBinding: 640, fuse: false }],
];

/** WGSL promises sine and cosine to 2^-11 only; SwiftShader is off by 1e-4. */
const near = (values: ArrayLike<number>): number =>
  3e-4 * (1 + Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0));

test.each(targets)("random graphs, %s", async (_name, target) => {
  let cut = 0;
  await fc.assert(
    fc.asyncProperty(graphCase(), async (drawn) => {
      const made = caseOf(drawn);
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
    { numRuns: 100 },
  );
  // Few graphs may be refused: those with an attention whose window alone is too large.
  expect(cut).toBeGreaterThan(80);
});
