/** What a machine has that matters for choosing an adapter, as the operating system shows it. */
import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { driverManifests, driverName, hasLoader } from "./vulkan.js";

export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly cores: number;
  /** Linux: a Vulkan loader of the system's. */
  readonly loader: boolean;
  /** Linux: names of the installed Vulkan drivers. */
  readonly drivers: readonly string[];
  /** Linux: an NVIDIA kernel driver is loaded. */
  readonly nvidia: boolean;
  /** Linux: GPUs that the kernel offers to programs. */
  readonly renderNodes: readonly string[];
}

const renderNodes = (): readonly string[] => {
  try {
    return readdirSync("/dev/dri").filter((name) => name.startsWith("renderD"));
  } catch {
    return [];
  }
};

/** Looks at this machine. Call before an embedded loader has been opened, or that one is taken for the system's. */
export const inspectMachine = (): Machine => {
  const linux = process.platform === "linux";
  return {
    platform: process.platform,
    cores: availableParallelism(),
    loader: linux && hasLoader(),
    drivers: linux ? driverManifests().map(driverName) : [],
    nvidia: linux && (existsSync("/dev/nvidia0") || existsSync("/proc/driver/nvidia/version")),
    renderNodes: linux ? renderNodes() : [],
  };
};
