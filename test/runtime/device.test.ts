import { describe, expect, test } from "vitest";
import { openDevice } from "../../runtime/device.js";
import { createExecutor } from "../../runtime/execute.js";
import { createTuning } from "../../runtime/tune.js";
import { sharedDevice } from "../support/device.js";
import { spawnSource } from "../support/spawn-source.js";
import { tinyKernels, tinyProgram } from "../support/tiny-program.js";

describe("a device", () => {
  test("reports its adapter and what it was opened with", async () => {
    const { report } = await sharedDevice();
    expect(report.device).not.toBe("");
    expect(report.driver).not.toBe("");
    expect(report.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 * 2 ** 20);
    expect(report.limits.maxStorageBuffersPerShaderStage).toBeGreaterThanOrEqual(8);
    expect(report.limits.minStorageBufferOffsetAlignment).toBeLessThanOrEqual(256);
  });

  test("refuses programs beyond a forced binding limit", async () => {
    const { report } = await sharedDevice();
    const device = await openDevice({ adapter: report.choice, maxBinding: 16 });
    try {
      expect(device.report.limits.maxStorageBufferBindingSize).toBe(16);
      const tuning = createTuning(device.report, {}, { tune: false });
      await expect(createExecutor(device, tinyKernels, tuning).load(tinyProgram)).rejects.toThrow(
        /^gather weight binds 1 MiB at once, /,
      );
    } finally {
      device.close();
    }
  });

  test("that was closed says so, in one line", async () => {
    const { report } = await sharedDevice();
    const device = await openDevice({ adapter: report.choice });
    const tuning = createTuning(device.report, {}, { tune: false });
    const executor = createExecutor(device, tinyKernels, tuning);
    executor.state("a", 4);
    device.close();
    await expect(executor.read("a", 0, 4)).rejects.toThrow(/^[^\n]+$/);
  });

  test("keeps an error that nobody asked about for the next check", async () => {
    const { report } = await sharedDevice();
    const device = await openDevice({ adapter: report.choice });
    try {
      expect(device.check).not.toThrow();
      device.gpu.createBuffer({ size: 4, usage: 0 });
      await device.gpu.queue.onSubmittedWorkDone();
      expect(device.check).toThrow(/^[^\n]+$/);
    } finally {
      device.close();
    }
  });
});

const WORK = `
import { openDevice } from "./runtime/device.js";
import { createExecutor } from "./runtime/execute.js";
import { createTuning } from "./runtime/tune.js";
const device = await openDevice({ adapter: process.env.ESPALIER_ADAPTER ?? "embedded" });
const executor = createExecutor(device, {}, createTuning(device.report, {}, { tune: false }));
executor.state("a", 4096);
executor.zero("a");
`;

describe("a process", () => {
  test("ends by itself once its device is closed", async () => {
    const ended = await spawnSource(`${WORK}
      await executor.read("a", 0, 4096);
      device.close();
      console.log(device.report.kind);`);
    expect(ended).toMatchObject({ code: 0, signal: null });
    expect(ended.stdout.trim()).not.toBe("");
  });

  test("ends by itself when it throws with work under way", async () => {
    const ended = await spawnSource(`${WORK}
      void executor.read("a", 0, 4096).catch(() => undefined);
      try { throw new Error("stop") } catch { process.exitCode = 3 } finally { device.close() }`);
    expect(ended).toMatchObject({ code: 3, signal: null });
  });

  test("keeps its device through garbage collection", async () => {
    const ended = await spawnSource(
      `${WORK}
      for (let round = 0; round < 20; round++) {
        globalThis.gc();
        await new Promise((done) => setTimeout(done, 2));
        await executor.read("a", 0, 4096);
      }
      device.close();`,
      { flags: ["--expose-gc"] },
    );
    expect(ended).toMatchObject({ code: 0, signal: null });
  });
});
