/**
 * What waits between the segments of a streamed sweep: each batch's values, as many batches as may in a buffer on the
 * device, further ones in host memory, the rest in a file. Memory stays bounded whatever the number of windows.
 */
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Streaming, Waiting } from "../../compiler/plan.js";
import { fileError, RunError } from "../errors.js";
import type { Executor } from "../execute.js";
import { workFolder } from "./journal.js";

export interface CarriedStore {
  /** Puts a batch's values where a segment takes them from. */
  readonly take: (batch: number, values: readonly Waiting[]) => Promise<void>;
  /** Keeps what a segment has given for a batch. */
  readonly keep: (batch: number, values: readonly Waiting[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** A file for the batches that fit nowhere else, made when the first of them comes. */
const createSpill = (path: string) => {
  let file: FileHandle | null = null;
  return {
    write: async (bytes: Uint8Array, position: number): Promise<void> => {
      try {
        file ??= await open(path, "w+");
        for (let done = 0; done < bytes.length; )
          done += (await file.write(bytes, done, bytes.length - done, position + done))
            .bytesWritten;
      } catch (error) {
        throw fileError("write", path, error);
      }
    },
    read: async (bytes: Uint8Array, position: number): Promise<void> => {
      for (let done = 0; done < bytes.length; ) {
        const read = await file?.read(bytes, done, bytes.length - done, position + done);
        if (read === undefined || read.bytesRead === 0) throw new RunError(`${path} is cut short`);
        done += read.bytesRead;
      }
    },
    close: async (): Promise<void> => {
      await file?.close();
      await rm(path, { force: true });
    },
  };
};

/** For batches of at most `windows` windows; `name` is the sweep's. */
export const openCarried = (
  executor: Executor,
  streaming: Streaming,
  windows: number,
  out: string,
  name: string,
): CarriedStore => {
  const slot = streaming.waitingBytes * windows;
  const onDevice = slot === 0 ? 0 : Math.floor(streaming.storeBytes / slot);
  const onHost = slot === 0 ? 0 : Math.floor(streaming.hostBytes / slot);
  const state = `${name}.store`;
  if (onDevice > 0) executor.state(state, onDevice * slot);
  const host = new Map<string, ArrayBuffer>();
  const spill = createSpill(join(workFolder(out), `${name}.carried`));
  /** The value's buffers, its place in a batch's slot, and the bytes of a whole batch. */
  const placeOf = ({ value: name, at }: Waiting) => {
    const value = streaming.carried.find((carried) => carried.name === name);
    if (value === undefined) throw new RunError(`the plan carries no value ${name}`);
    return { ...value, at: at * windows, size: value.bytes * windows };
  };
  const positionOf = (batch: number, at: number): number => (batch - onDevice - onHost) * slot + at;
  const take = async (batch: number, waiting: Waiting): Promise<void> => {
    const { at, size, taken } = placeOf(waiting);
    if (batch < onDevice) {
      executor.copy({ state, offset: batch * slot + at }, { state: taken, offset: 0 }, size);
      return;
    }
    const kept = host.get(`${batch} ${at}`);
    const bytes = new Uint8Array(kept ?? new ArrayBuffer(size));
    if (kept === undefined) await spill.read(bytes, positionOf(batch, at));
    executor.write(taken, 0, new Float32Array(bytes.buffer));
  };
  const keep = async (batch: number, waiting: Waiting): Promise<void> => {
    const { at, size, given } = placeOf(waiting);
    if (batch < onDevice) {
      executor.copy({ state: given, offset: 0 }, { state, offset: batch * slot + at }, size);
      return;
    }
    const bytes = await executor.read(given, 0, size);
    if (batch < onDevice + onHost) host.set(`${batch} ${at}`, bytes);
    else await spill.write(new Uint8Array(bytes), positionOf(batch, at));
  };
  return {
    take: async (batch, values) => {
      for (const value of values) await take(batch, value);
    },
    keep: async (batch, values) => {
      for (const value of values) await keep(batch, value);
    },
    close: async () => {
      if (onDevice > 0) executor.release(state);
      await spill.close();
    },
  };
};
