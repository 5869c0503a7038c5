/** Runs a lowered graph on the test's device, or another, with poisoned scratch; every input is a feed, every output read back. */

import { Builder } from "../../compiler/ir/build.js";
import type { Dense, Graph } from "../../compiler/ir/tensor.js";
import type { Lowered } from "../../compiler/schedule/lower.js";
import type { Placement } from "../../compiler/schedule/target.js";
import type { Device } from "../../runtime/device.js";
import { createExecutor } from "../../runtime/execute.js";
import { createTuning } from "../../runtime/tune.js";
import { type GraphCase, graphInputs, graphNodes } from "./arbitraries/graph.js";
import { sharedDevice } from "./device.js";

export interface DrawnGraph {
  readonly graph: Graph;
  readonly values: ReadonlyMap<string, Dense>;
}

/** The graph of a case, each of its nodes an output. */
export const drawnGraph = (drawn: GraphCase, builder = new Builder()): DrawnGraph => {
  const inputs = graphInputs(builder, drawn);
  const nodes = graphNodes(builder, inputs, drawn);
  const outputs = nodes.map((node, at) => [`o${at}`, node] as const);
  return { graph: { outputs: Object.fromEntries(outputs) }, values: inputs.values };
};

export const feedPlacement = ({ values }: DrawnGraph): Placement => ({
  inputs: new Map(
    [...values.keys()].map((name) => [name, { kind: "feed", source: { kind: "tokens" } }]),
  ),
  outputs: new Map(),
});

export const runLowered = async (
  { program, kernels }: Lowered,
  values: ReadonlyMap<string, Dense>,
  on: Device | null = null,
): Promise<Map<string, Float32Array>> => {
  const device = on ?? (await sharedDevice());
  const tuning = createTuning(device.report, {}, { tune: false, folder: null });
  const executor = createExecutor(device, kernels, tuning, { poison: true });
  const loaded = await executor.load(program);
  const feeds = Object.fromEntries(
    [...values].map(([name, { data }]) => [
      name,
      name === "tokens" || name === "following" ? Uint32Array.from(data) : Float32Array.from(data),
    ]),
  );
  await loaded.run(feeds);
  const found = new Map<string, Float32Array>();
  for (const { name } of program.outputs) found.set(name, await loaded.output(name));
  loaded.dispose();
  return found;
};
