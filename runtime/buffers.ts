/** Device memory: buffers by name, with the bytes they take accounted for. */
import type { Device } from "./device.js";
import { DeviceError, mebibytes } from "./device-error.js";
import { waitFor } from "./wait.js";

export interface MemoryUse {
  /** Bytes of all buffers alive. */
  readonly bytes: number;
  /** The most there have been at once. */
  readonly peak: number;
}

export interface Memory {
  /** A buffer of at least `bytes`; its content is zero. Too large a one throws; a full device fails at the next check. */
  readonly allocate: (label: string, bytes: number, usage: GPUBufferUsageFlags) => GPUBuffer;
  readonly free: (buffer: GPUBuffer) => void;
  readonly use: () => MemoryUse;
}

/** Buffer sizes are whole words; writes and copies need that. */
const wholeWords = (bytes: number): number => Math.max(4, Math.ceil(bytes / 4) * 4);

export const createMemory = (device: Device): Memory => {
  const { gpu } = device;
  const alive = new Set<GPUBuffer>();
  let bytes = 0;
  let peak = 0;

  const outOfMemory = (label: string, size: number, held: number): DeviceError =>
    new DeviceError(
      `out of device memory: ${label} takes ${mebibytes(size)}, ${mebibytes(held)} are in use`,
      { hint: "use smaller batches or windows, or an adapter with more memory" },
    );

  return {
    allocate: (label, wanted, usage) => {
      const size = wholeWords(wanted);
      const most = gpu.limits.maxBufferSize;
      if (size > most)
        throw new DeviceError(
          `${label} takes ${mebibytes(size)}, and this adapter's largest buffer is ${mebibytes(most)}`,
          { hint: "use smaller batches or windows, or another adapter" },
        );
      const held = bytes;
      gpu.pushErrorScope("out-of-memory");
      const buffer = gpu.createBuffer({ label, size, usage });
      void waitFor(gpu.popErrorScope()).then(
        (error) => {
          if (error !== null) device.fail(outOfMemory(label, size, held));
        },
        // The device is gone; its loss is reported elsewhere.
        () => undefined,
      );
      alive.add(buffer);
      bytes += buffer.size;
      peak = Math.max(peak, bytes);
      return buffer;
    },
    free: (buffer) => {
      if (!alive.delete(buffer)) return;
      bytes -= buffer.size;
      buffer.destroy();
    },
    use: () => ({ bytes, peak }),
  };
};
