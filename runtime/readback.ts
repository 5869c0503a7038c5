/** Reads a range of a buffer as it is at the time of the call: the copy is queued at once, later work does not show. */
import type { Memory } from "./buffers.js";
import type { Device } from "./device.js";
import { DeviceError, firstLine } from "./device-error.js";
import { MAP_READ, USAGE } from "./gpu-flags.js";
import { waitFor } from "./wait.js";

/** Offsets and bytes are whole words. */
export const readBack = (
  device: Device,
  memory: Memory,
  source: GPUBuffer,
  offset: number,
  bytes: number,
): Promise<ArrayBuffer> => {
  const { gpu } = device;
  const staging = memory.allocate("readback", bytes, USAGE.mapRead | USAGE.copyTarget);
  const encoder = gpu.createCommandEncoder();
  encoder.copyBufferToBuffer(source, offset, staging, 0, bytes);
  gpu.queue.submit([encoder.finish()]);
  return mapped(device, memory, staging, bytes);
};

const mapped = async (
  device: Device,
  memory: Memory,
  staging: GPUBuffer,
  bytes: number,
): Promise<ArrayBuffer> => {
  try {
    await waitFor(staging.mapAsync(MAP_READ, 0, bytes));
    device.check();
    return staging.getMappedRange(0, bytes).slice(0);
  } catch (error) {
    device.check();
    const reason = error instanceof Error ? firstLine(error.message) : String(error);
    throw new DeviceError(`the device's memory cannot be read: ${reason}`);
  } finally {
    memory.free(staging);
  }
};
