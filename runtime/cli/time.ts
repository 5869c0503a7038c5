/** `espalier time`: where the time of a spec's programs goes on this adapter, kernel by kernel. */
import { type Ceiling, ceilingOf } from "../ceiling.js";
import { openDevice } from "../device.js";
import { type TimedKernel, type TimedProgram, timeProgram } from "../time-program.js";
import { createTuning } from "../tune.js";
import { CommandError } from "./failure.js";
import { planSpec } from "./planned.js";
import type { SpecOptions } from "./spec.js";
import { table } from "./table.js";

export interface TimeOptions extends SpecOptions {
  readonly adapter?: string;
  readonly program?: string;
}

/** Milliseconds that the work would take at the adapter's ceilings. */
const floorOf = ({ flops, bytes }: TimedKernel, ceiling: Ceiling): number =>
  1000 * Math.max(flops / ceiling.flopsPerSecond, bytes / ceiling.bytesPerSecond);

const fixed = (value: number): string => value.toFixed(value < 10 ? 2 : 1);

const rowOf = (kernel: TimedKernel, whole: number, ceiling: Ceiling): string[] => {
  const { label, count, milliseconds, processorMilliseconds, flops, bytes } = kernel;
  return [
    label,
    kernel.kernel,
    String(count),
    fixed(milliseconds),
    fixed(processorMilliseconds),
    `${((100 * milliseconds) / whole).toFixed(1)}%`,
    fixed(flops / milliseconds / 1e6),
    fixed(bytes / milliseconds / 1e6),
    fixed(floorOf(kernel, ceiling)),
  ];
};

const HEAD = ["work", "kernel", "times", "ms", "CPU ms", "share", "GFLOP/s", "GB/s", "floor ms"];

const programText = (program: TimedProgram, ceiling: Ceiling): string => {
  const { name, milliseconds, processorMilliseconds, kernels } = program;
  const alone = kernels.reduce((sum, kernel) => sum + kernel.milliseconds, 0);
  const count = kernels.reduce((sum, kernel) => sum + kernel.count, 0);
  return [
    `${name}: ${fixed(milliseconds)} ms, ${fixed(processorMilliseconds)} ms of CPU; ${count} dispatches, ${fixed(alone)} ms one by one`,
    ...table([HEAD, ...kernels.map((kernel) => rowOf(kernel, alone, ceiling))]),
  ].join("\n");
};

export const timeCommand = async (spec: string, options: TimeOptions): Promise<void> => {
  const planned = await planSpec(spec, options);
  if (planned === null) return;
  const { plan } = planned;
  const all = Object.keys(plan.programs);
  if (all.length === 0)
    throw new CommandError(`${spec} has no programs, so there is nothing to time`);
  const names = all.filter((name) => name.includes(options.program ?? ""));
  if (names.length === 0)
    throw new CommandError(`no program is named ${options.program}; there are ${all.join(", ")}`);
  const device = await openDevice({ adapter: options.adapter ?? "auto" });
  try {
    const ceiling = await ceilingOf(device);
    const tuning = createTuning(device.report);
    const programs: TimedProgram[] = [];
    for (const name of names) {
      const program = plan.programs[name];
      if (program === undefined) continue;
      const timed = await timeProgram(device, plan.kernels, tuning, program);
      programs.push(timed);
      if (options.json !== true) process.stdout.write(`${programText(timed, ceiling)}\n\n`);
    }
    const { flopsPerSecond, bytesPerSecond } = ceiling;
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ adapter: device.report, ceiling, programs }, null, 2)}\n`
        : `${device.report.device}: at most ${fixed(flopsPerSecond / 1e9)} GFLOP/s, ${fixed(bytesPerSecond / 1e9)} GB/s\n`,
    );
  } finally {
    device.close();
  }
};
