/** The limits a device is opened with: all that the adapter has, where kernels or plans care. */
const WANTED = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxUniformBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** Smaller is better, so they are never asked for but must be known. */
const ALIGNMENTS = [
  "minUniformBufferOffsetAlignment",
  "minStorageBufferOffsetAlignment",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** What to ask of the adapter: its own maxima. */
export const requiredLimits = (adapter: GPUSupportedLimits): Record<string, number> =>
  Object.fromEntries(WANTED.map((name) => [name, adapter[name]]));

/** What a device has, with bindings held to `maxBinding` bytes where a test asks for less than the adapter gives. */
export const reportedLimits = (
  device: GPUSupportedLimits,
  maxBinding = Number.POSITIVE_INFINITY,
): Record<string, number> => ({
  ...Object.fromEntries([...WANTED, ...ALIGNMENTS].map((name) => [name, device[name]])),
  maxStorageBufferBindingSize: Math.min(device.maxStorageBufferBindingSize, maxBinding),
});
