/** Work handed to the device and not yet done, so that the host runs ahead of it by little. */
import type { Device } from "./device.js";
import { waitFor } from "./wait.js";

export interface Submissions {
  readonly submit: (commands: GPUCommandBuffer) => void;
  /** Waits until at most `count` submissions are under way. Throws the device's failure. */
  readonly atMost: (count: number) => Promise<void>;
}

export const createSubmissions = (device: Device): Submissions => {
  const { queue } = device.gpu;
  const pending: Promise<void>[] = [];
  return {
    submit: (commands) => {
      queue.submit([commands]);
      // A lost device rejects; `check` says why.
      const done = waitFor(queue.onSubmittedWorkDone()).then(
        () => undefined,
        () => undefined,
      );
      pending.push(done);
    },
    atMost: async (count) => {
      device.check();
      while (pending.length > count) {
        await pending[0];
        pending.shift();
        device.check();
      }
    },
  };
};
