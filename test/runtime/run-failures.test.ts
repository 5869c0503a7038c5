/** Failures of the device and of the disk during a run: each one line, of the class that the command line knows. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { failure } from "../../runtime/cli/failure.js";
import { openDevice } from "../../runtime/device.js";
import { DeviceError } from "../../runtime/device-error.js";
import { fileError, RunError } from "../../runtime/errors.js";
import { createExecutor } from "../../runtime/execute.js";
import { openMetricsLog } from "../../runtime/run/metrics-log.js";
import { createTuning } from "../../runtime/tune.js";
import { sharedDevice } from "../support/device.js";
import { inScratch } from "../support/scratch.js";

const caught = async (work: () => Promise<unknown> | unknown): Promise<unknown> => {
  try {
    await work();
    return null;
  } catch (error) {
    return error;
  }
};

const expectOneLine = (error: unknown, says: RegExp): void => {
  expect(error).toBeInstanceOf(RunError);
  expect(String(error)).toMatch(says);
  expect(String(error)).not.toContain("\n");
};

describe("a device's failure is a run's failure", () => {
  test("with its hint, and a name of its own", () => {
    const error = new DeviceError("no", { hint: "try again" });
    expect(error).toBeInstanceOf(RunError);
    expect(error).toMatchObject({ name: "DeviceError", message: "no", hint: "try again" });
    expect(new DeviceError("no").hint).toBe(null);
  });

  test("where it is asked for more memory than it has", async () => {
    const device = await sharedDevice();
    const executor = createExecutor(
      device,
      {},
      createTuning(device.report, {}, { tune: false, folder: null }),
    );
    const error = await caught(() => executor.state("huge", 2 ** 50));
    expectOneLine(error, /huge takes \d+ MiB/);
    expect(error).toHaveProperty("hint", expect.stringMatching(/smaller/));
  });

  test("where its memory is full, at the next wait", async () => {
    const { report } = await sharedDevice();
    const device = await openDevice({ adapter: report.choice });
    try {
      const tuning = createTuning(device.report, {}, { tune: false, folder: null });
      const executor = createExecutor(device, {}, tuning);
      // What Dawn answers when the driver has none left; filling it for real would fill this machine's.
      vi.spyOn(device.gpu, "popErrorScope").mockResolvedValueOnce({
        message: "Allocation failed\n at AllocateMemory",
      });
      executor.state("moments", 4096);
      const error = await caught(() => executor.read("moments", 0, 4));
      expectOneLine(error, /out of device memory: moments takes 1 MiB, 0 MiB are in use/);
      expect(error).toHaveProperty("hint", expect.stringMatching(/smaller batches/));
    } finally {
      device.close();
    }
  });

  test("where it is lost", async () => {
    const { report } = await sharedDevice();
    const device = await openDevice({ adapter: report.choice });
    const executor = createExecutor(
      device,
      {},
      createTuning(device.report, {}, { tune: false, folder: null }),
    );
    executor.state("a", 4);
    device.gpu.destroy();
    await device.gpu.lost;
    expectOneLine(await caught(() => executor.read("a", 0, 4)), /the device was lost/);
  });

  test("where no adapter has the name", async () => {
    expectOneLine(await caught(() => openDevice({ adapter: "no such one" })), /no adapter/);
  });
});

describe("a full disk", () => {
  test.runIf(process.platform === "linux")("is said of metrics.jsonl", () =>
    inScratch(async (out) => {
      symlinkSync("/dev/full", join(out, "metrics.jsonl"));
      const measure = { model: "healed", data: "texts", metric: "loss", value: 1 };
      const log = openMetricsLog(out);
      const error = await caught(() => log.append({ stage: "evaluate", ...measure }));
      expectOneLine(error, /cannot write .*metrics\.jsonl: the disk is full/);
    }),
  );

  test("is said by the command line whatever call met it", () => {
    const said: string[] = [];
    const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      said.push(String(text));
      return true;
    });
    try {
      const full = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
      expect(failure(full)).toBe(3);
    } finally {
      write.mockRestore();
    }
    expect(said.join("")).toMatch(/^\S*error:\S* the disk is full\n$/);
  });

  test("is said of any file", () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    expectOneLine(fileError("write", "journal.json", full), /journal\.json: the disk is full/);
  });
});
