import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AdapterReport } from "../../runtime/adapter.js";
import { createExecutor } from "../../runtime/execute.js";
import { fastest } from "../../runtime/measure.js";
import { createTuning } from "../../runtime/tune.js";
import { sharedDevice } from "../support/device.js";
import { tinyKernels, tinyProgram } from "../support/tiny-program.js";

/** A timer over made-up speeds, with the clock that it moves. */
const fakeTimer = (perRun: readonly number[]) => {
  let clock = 0;
  const runs = perRun.map(() => 0);
  return {
    runs,
    now: () => clock,
    time: async (candidate: number, repeats: number) => {
      const ms = (perRun[candidate] ?? Number.NaN) * repeats;
      runs[candidate] = (runs[candidate] ?? 0) + repeats;
      clock += ms;
      return ms;
    },
  };
};

describe("measurement", () => {
  const choose = async (speeds: readonly number[], budgetMs = 1000) => {
    const timer = fakeTimer(speeds);
    const candidates = speeds.map((_, index) => index);
    const best = await fastest(candidates, timer.time, { budgetMs, now: timer.now, sampleMs: 10 });
    return { best, runs: timer.runs };
  };

  test("finds the fastest", async () => {
    expect((await choose([5, 2, 4])).best).toBe(1);
  });

  test("keeps to an earlier one that is about as fast", async () => {
    expect((await choose([5, 4.9, 4.8])).best).toBe(0);
  });

  test("gives up on hopeless ones after their first runs", async () => {
    const { best, runs } = await choose([5, 60]);
    expect(best).toBe(0);
    expect(runs[1]).toBe(2);
  });

  test("stops at its budget with the best so far", async () => {
    const { best, runs } = await choose([200, 100, 1], 500);
    expect(best).toBe(1);
    expect(runs[2]).toBe(0);
  });
});

const report: AdapterReport = {
  choice: "auto",
  kind: "gpu",
  vendor: "v",
  device: "d",
  driver: "1",
  features: [],
  limits: {},
  tried: [],
};

describe("choices", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "espalier-test-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("are remembered by adapter and kernels", async () => {
    await createTuning(report, {}, { folder }).remember("matmul", "a\nb", 1);
    const later = createTuning(report, {}, { folder });
    expect(await later.known("matmul", "a\nb")).toBe(1);
    expect(later.choices()).toEqual({ matmul: 1 });
    const other = createTuning({ ...report, driver: "2" }, {}, { folder });
    expect(await other.known("matmul", "a\nb")).toBeNull();
    expect(await createTuning(report, {}, { folder }).known("matmul", "a\nc")).toBeNull();
  });

  test("that are pinned win, and are given back", async () => {
    await createTuning(report, {}, { folder }).remember("matmul", "k", 1);
    const pinned = createTuning(report, { matmul: 2 }, { folder });
    expect(await pinned.known("matmul", "k")).toBe(2);
    expect(pinned.choices()).toEqual({ matmul: 2 });
  });

  test("of the first of two processes are used by both", async () => {
    const [first, second] = [1, 2].map(() => createTuning(report, {}, { folder }));
    if (first === undefined || second === undefined) throw new Error("no tuning");
    expect(await first.remember("matmul", "k", 1)).toBe(1);
    expect(await second.remember("matmul", "k", 0)).toBe(1);
    expect(second.choices()).toEqual({ matmul: 1 });
  });

  test("are not measured where tuning is off", async () => {
    const device = await sharedDevice();
    const tuning = createTuning(device.report, {}, { tune: false, folder });
    await createExecutor(device, tinyKernels, tuning).load(tinyProgram);
    expect(tuning.choices()).toEqual({ gather: 0 });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("are made on the device once, then remembered", async () => {
    const device = await sharedDevice();
    const tuning = createTuning(device.report, {}, { folder });
    await createExecutor(device, tinyKernels, tuning).load(tinyProgram);
    const { gather } = tuning.choices();
    expect([0, 1]).toContain(gather);
    expect(readdirSync(folder)).toHaveLength(1);
    const again = createTuning(device.report, {}, { folder });
    await createExecutor(device, tinyKernels, again).load(tinyProgram);
    expect(again.choices()).toEqual({ gather });
  });

  test("among kernels for the adapter's size of subgroup are made once for all shapes, among others for each", async () => {
    const shared = await sharedDevice();
    const features = ["subgroups-of-4"];
    const device = { ...shared, report: { ...shared.report, kind: "embedded" as const, features } };
    // Two shapes, each of kernels with a text of its own, which a hash at the end of the id stands for.
    const hashOf = (tuning: string): string => tuning.replace(/ /g, "");
    const dispatches = tinyProgram.dispatches.flatMap((dispatch) =>
      dispatch.tuning === "gather"
        ? ["gather 7", "gather 9"].map((tuning) => ({
            ...dispatch,
            tuning,
            launches: dispatch.launches.map((launch) => ({
              ...launch,
              kernel: `${launch.kernel}-${hashOf(tuning)}`,
            })),
          }))
        : [dispatch],
    );
    const hashed = Object.entries(tinyKernels).flatMap(([id, kernel]) => [
      [id, kernel] as const,
      ...["gather7", "gather9"].map((hash) => [`${id}-${hash}`, kernel] as const),
    ]);
    const choicesAmong = async (kernels: typeof tinyKernels): Promise<string[]> => {
      const tuning = createTuning(device.report, {}, { folder: null });
      await createExecutor(device, kernels, tuning).load({ ...tinyProgram, dispatches });
      return Object.keys(tuning.choices());
    };
    const tailored = hashed.map(([id, kernel]) => [id, { ...kernel, features }]);
    expect(await choicesAmong(Object.fromEntries(tailored))).toEqual(["gather 4 or gather 8"]);
    expect(await choicesAmong(Object.fromEntries(hashed))).toEqual(["gather 7", "gather 9"]);
  });

  test("are not looked for where there is little to gain, whatever is known", async () => {
    const device = await sharedDevice();
    const light = tinyProgram.dispatches.map((dispatch) =>
      dispatch.tuning === "gather" ? { ...dispatch, flops: 0 } : dispatch,
    );
    const tuning = createTuning(device.report, {}, { folder });
    await createExecutor(device, tinyKernels, tuning).load({ ...tinyProgram, dispatches: light });
    expect(tuning.choices()).toEqual({});
    expect(readdirSync(folder)).toEqual([]);
  });

  test("that are broken on disk are as good as none", async () => {
    const tuning = createTuning(report, {}, { folder });
    await tuning.remember("matmul", "k", 1);
    const [file = ""] = readdirSync(folder);
    writeFileSync(join(folder, file), '{"matmul');
    expect(await createTuning(report, {}, { folder }).known("matmul", "k")).toBeNull();
  });
});
