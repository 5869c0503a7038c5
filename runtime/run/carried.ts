/**
 * What waits between the segments of a streamed sweep: each batch's values, as many batches as may in a buffer on the
 * device, further ones in host memory, the rest in a file. Memory stays bounded whatever the number of windows.
 */
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CarriedValue, Streaming } from "../../compiler/plan.js";
import { fileError, RunError } from "../errors.js";
import type { Executor } from "../execute.js";
import { workFolder } from "./journal.js";

export interface CarriedStore {
  /** Puts a batch's values where a segment takes them from. */
  readonly take: (batch: number, names: readonly string[]) => Promise<void>;
  /** Keeps what a segment has given for a batch. */
  readonly keep: (batch: number, names: readonly string[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

interface Value extends CarriedValue {
  /** Place in a batch's slot, and bytes of a whole batch. */
  readonly at: number;
  readonly size: number;
}

const valuesOf = ({ carried }: Streaming, windows: number): ReadonlyMap<string, Value> => {
  let at = 0;
  return new Map(
    carried.map((value): [string, Value] => {
      const size = value.bytes * windows;
      const placed = { ...value, at, size };
      at += size;
      return [value.name, placed];
    }),
  );
};

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
  const values = valuesOf(streaming, windows);
  const slot = [...values.values()].reduce((sum, { size }) => sum + size, 0);
  const onDevice = slot === 0 ? 0 : Math.floor(streaming.storeBytes / slot);
  const onHost = slot === 0 ? 0 : Math.floor(streaming.hostBytes / slot);
  const state = `${name}.store`;
  if (onDevice > 0) executor.state(state, onDevice * slot);
  const host = new Map<string, ArrayBuffer>();
  const spill = createSpill(join(workFolder(out), `${name}.carried`));
  const carriedValue = (of: string): Value => {
    const value = values.get(of);
    if (value === undefined) throw new RunError(`the plan carries no value ${of}`);
    return value;
  };
  const positionOf = (batch: number, { at }: Value): number =>
    (batch - onDevice - onHost) * slot + at;
  const take = async (batch: number, of: string): Promise<void> => {
    const value = carriedValue(of);
    if (batch < onDevice) {
      const from = { state, offset: batch * slot + value.at };
      executor.copy(from, { state: value.taken, offset: 0 }, value.size);
      return;
    }
    const kept = host.get(`${batch} ${of}`);
    const bytes = new Uint8Array(kept ?? new ArrayBuffer(value.size));
    if (kept === undefined) await spill.read(bytes, positionOf(batch, value));
    executor.write(value.taken, 0, new Float32Array(bytes.buffer));
  };
  const keep = async (batch: number, of: string): Promise<void> => {
    const value = carriedValue(of);
    if (batch < onDevice) {
      const to = { state, offset: batch * slot + value.at };
      executor.copy({ state: value.given, offset: 0 }, to, value.size);
      return;
    }
    const bytes = await executor.read(value.given, 0, value.size);
    if (batch < onDevice + onHost) host.set(`${batch} ${of}`, bytes);
    else await spill.write(new Uint8Array(bytes), positionOf(batch, value));
  };
  return {
    take: async (batch, names) => {
      for (const of of names) await take(batch, of);
    },
    keep: async (batch, names) => {
      for (const of of names) await keep(batch, of);
    },
    close: async () => {
      if (onDevice > 0) executor.release(state);
      await spill.close();
    },
  };
};
