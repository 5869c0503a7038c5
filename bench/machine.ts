/** Where a benchmark ran: kept with its results. */
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";

export interface MachineReport {
  readonly processor: string;
  readonly cores: number;
  readonly memory: number;
  readonly system: string;
  readonly node: string;
}

export const machineReport = (): MachineReport => ({
  processor: cpus()[0]?.model.trim() ?? "unknown",
  cores: availableParallelism(),
  memory: totalmem(),
  system: `${platform()} ${arch()}`,
  node: process.version,
});
