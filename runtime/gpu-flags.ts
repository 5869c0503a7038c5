/** WebGPU's flag values by name: Dawn for Node does not put GPUBufferUsage and GPUMapMode on the global. */
export const USAGE = {
  mapRead: 0x01,
  copySource: 0x04,
  copyTarget: 0x08,
  uniform: 0x40,
  storage: 0x80,
} as const;

export const MAP_READ = 0x01;
export const COMPUTE_STAGE = 0x04;

/** Every buffer of a program: bound to kernels, written by the host, read back. */
export const DATA_USAGE = USAGE.storage | USAGE.copySource | USAGE.copyTarget;
