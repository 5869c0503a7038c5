/** Espalier itself: the compiler's lowering and the runtime's executor and tuner, as in a run. */
import { lower } from "../../compiler/schedule/lower.js";
import { portableTarget } from "../../compiler/schedule/target.js";
import { type Device, openDevice } from "../../runtime/device.js";
import { createExecutor } from "../../runtime/execute.js";
import { narrow } from "../../runtime/formats/float16.js";
import { adapterIdentity } from "../../runtime/run/adapter-identity.js";
import { createTuning } from "../../runtime/tune.js";
import { VERSION } from "../../runtime/version.js";
import { type OpenContestant, type Prepared, timed } from "../contestant.js";
import type { Task } from "../task.js";
import { readFloats } from "../tensor-file.js";
import { attentionGraph, divergenceGraph, type GraphTask, productGraph } from "./graph.js";
import { prepareDistill, prepareScore } from "./stages.js";

const halvesOf = (floats: Float32Array): Uint32Array => {
  const halves = new Uint16Array(2 * Math.ceil(floats.length / 2));
  narrow("f16", floats, halves.subarray(0, floats.length));
  return new Uint32Array(halves.buffer);
};

/** An input as it is stored, and where. */
const stored = (name: string, floats: Float32Array, half: boolean) => {
  const data = half ? halvesOf(floats) : floats;
  const type = half ? ({ dtype: "f16", arithmetic: "f16" } as const) : {};
  const stateBytes = data.byteLength;
  return {
    name,
    data,
    place: { kind: "state", state: name, stateBytes, offset: 0, ...type },
  } as const;
};

const prepareGraph = async (device: Device, task: GraphTask): Promise<Prepared> => {
  const { graph, inputs } = task;
  const files = Object.entries(inputs).map(([name, file]) =>
    stored(name, readFloats(file), task.narrow?.has(name) === true),
  );
  const placed = files.map(({ name, place }) => [name, place] as const);
  const placement = { inputs: new Map(placed), outputs: new Map() };
  const { program, kernels } = lower("bench", graph, placement, portableTarget);
  const executor = createExecutor(
    device,
    kernels,
    createTuning(device.report, {}, { folder: null }),
  );
  for (const { name, data } of files) {
    executor.state(name, data.byteLength);
    executor.write(name, 0, data);
  }
  const loaded = await executor.load(program);
  return {
    time: (repeats) =>
      timed(async () => {
        for (let repeat = 0; repeat < repeats; repeat++) await loaded.run({});
        await executor.finish();
      }),
    result: async () => {
      await loaded.run({});
      return Promise.all(Object.keys(graph.outputs).map((name) => loaded.output(name)));
    },
  };
};

const prepare = (device: Device, task: Task): Promise<Prepared> => {
  switch (task.kind) {
    case "product":
      return prepareGraph(device, productGraph(task));
    case "attention":
      return prepareGraph(device, attentionGraph(task));
    case "divergence":
      return prepareGraph(device, divergenceGraph(task));
    case "distill":
      return prepareDistill(device, task);
    case "score":
      return prepareScore(device, task);
    default:
      return task satisfies never;
  }
};

export const open: OpenContestant = async ({ adapter }) => {
  const device = await openDevice({ adapter });
  return {
    about: `espalier ${VERSION} on ${adapterIdentity(device.report)}`,
    prepare: (task) => prepare(device, task),
  };
};
