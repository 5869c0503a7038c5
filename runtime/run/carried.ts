/**
 * What waits between the segments of a streamed sweep: each batch's values, one after the other, the first of them in a
 * buffer on the device, further ones in host memory, the rest in a file. Memory stays bounded whatever the number of windows.
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

type Where = "device" | "host" | "disk";

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
  const { waitingBytes, hostBytes, carried } = streaming;
  const storeBytes = Math.min(streaming.storeBytes, executor.largestBuffer);
  const state = `${name}.store`;
  if (storeBytes > 0) executor.state(state, storeBytes);
  const host = new Map<number, ArrayBuffer>();
  const spill = createSpill(join(workFolder(out), `${name}.carried`));
  /** The value's buffers, the bytes of a whole batch, and where they wait: a place on the device, or in host memory or the file. */
  const placeOf = (batch: number, { value: of, at }: Waiting) => {
    const value = carried.find((one) => one.name === of);
    if (value === undefined) throw new RunError(`the plan carries no value ${of}`);
    const size = value.bytes * windows;
    const offset = (batch * waitingBytes + at) * windows;
    const end = offset + size;
    const where: Where =
      end <= storeBytes ? "device" : end <= storeBytes + hostBytes ? "host" : "disk";
    return { ...value, size, offset, where };
  };
  const take = async (batch: number, waiting: Waiting): Promise<void> => {
    const { size, taken, offset, where } = placeOf(batch, waiting);
    if (where === "device") {
      executor.copy({ state, offset }, { state: taken, offset: 0 }, size);
      return;
    }
    const bytes = host.get(offset) ?? new ArrayBuffer(size);
    if (!host.has(offset)) await spill.read(new Uint8Array(bytes), offset);
    executor.write(taken, 0, new Float32Array(bytes));
  };
  const keep = async (batch: number, waiting: Waiting): Promise<void> => {
    const { size, given, offset, where } = placeOf(batch, waiting);
    if (where === "device") {
      executor.copy({ state: given, offset: 0 }, { state, offset }, size);
      return;
    }
    const bytes = await executor.read(given, 0, size);
    if (where === "host") host.set(offset, bytes);
    else await spill.write(new Uint8Array(bytes), offset);
  };
  return {
    take: async (batch, values) => {
      for (const value of values) await take(batch, value);
    },
    keep: async (batch, values) => {
      for (const value of values) await keep(batch, value);
    },
    close: async () => {
      if (storeBytes > 0) executor.release(state);
      await spill.close();
    },
  };
};
