/** A model on a device that gives the logits after a text. */
import type { Continuation } from "../../compiler/plan.js";
import { openDevice } from "../device.js";
import { createExecutor } from "../execute.js";
import type { Weights } from "../formats/weights.js";
import { createTuning } from "../tune.js";
import { adapterIdentity } from "./adapter-identity.js";
import { writeWeights } from "./context.js";
import { nextLogits } from "./next-logits.js";

export interface ContinuingOptions {
  readonly continuation: Continuation;
  readonly weights: Weights;
  readonly adapter: string;
}

/** The logits after a text [vocab]; each text is the one before and a token more, or a new one of a single token. */
export type LogitsAfter = ReturnType<typeof nextLogits>;

/** Opens a device, puts the weights on it and has them used; how long that took is without the opening. */
export const continuing = async <Result>(
  { continuation, weights, adapter }: ContinuingOptions,
  use: (logitsAfter: LogitsAfter) => Promise<Result>,
): Promise<{ readonly result: Result; readonly adapter: string; readonly seconds: number }> => {
  const device = await openDevice({ adapter });
  try {
    const executor = createExecutor(device, continuation.kernels, createTuning(device.report));
    const { name, bytes } = continuation.model;
    executor.state(`${name}.weights`, bytes);
    await writeWeights({ executor }, `${name}.weights`, continuation.model, weights);
    const started = performance.now();
    const result = await use(nextLogits(executor, continuation));
    const seconds = (performance.now() - started) / 1000;
    return { result, adapter: adapterIdentity(device.report), seconds };
  } finally {
    device.close();
  }
};
