import { describe, expect, test } from "vitest";
import type { Program } from "../../compiler/plan.js";
import { createExecutor, type Executor } from "../../runtime/execute.js";
import { createTuning } from "../../runtime/tune.js";
import { sharedDevice } from "../support/device.js";
import { tinyKernels, tinyProgram, tinyResult, VALUES } from "../support/tiny-program.js";

const WEIGHTS = [1, -2, 3, 4, 0.5];
const TOKENS = [3, 0, 3, 2, 2, 3, 1];

const feeds = (tokens: readonly number[], rate: number) => ({
  tokens: new Uint32Array(tokens),
  scalars: new Float32Array([rate]),
  // A batch gives labels to every program; this one has no use for them.
  labels: new Uint32Array(tokens),
});

const start = async (options: { tune?: boolean; poison?: boolean } = {}): Promise<Executor> => {
  const device = await sharedDevice();
  const tuning = createTuning(device.report, {}, { tune: options.tune ?? false, folder: null });
  const executor = createExecutor(device, tinyKernels, tuning, {
    poison: options.poison ?? false,
  });
  executor.state("tiny.weight", VALUES * 4);
  executor.write("tiny.weight", 0, new Float32Array(WEIGHTS));
  return executor;
};

describe("a program", () => {
  test("runs on its feeds, constants and state", async () => {
    const executor = await start();
    const program = await executor.load(tinyProgram);
    await program.run(feeds(TOKENS, 2));
    expect([...(await program.output("result"))]).toEqual(tinyResult(WEIGHTS, TOKENS, 2));
  });

  test("gives the same with poisoned scratch", async () => {
    const executor = await start({ poison: true });
    const program = await executor.load(tinyProgram);
    await program.run(feeds(TOKENS, 2));
    expect([...(await program.output("result"))]).toEqual(tinyResult(WEIGHTS, TOKENS, 2));
  });

  test("that relies on fresh scratch is caught by poison", async () => {
    const executor = await start({ poison: true });
    const [, sum] = tinyProgram.dispatches;
    const lazy: Program = { ...tinyProgram, dispatches: sum === undefined ? [] : [sum] };
    const program = await executor.load(lazy);
    await program.run(feeds(TOKENS, 2));
    expect((await program.output("result"))[3]).toBeNaN();
  });

  test("may be queued many times; each output belongs to the runs before it", async () => {
    const executor = await start();
    const program = await executor.load(tinyProgram);
    const outputs: Promise<Float32Array>[] = [];
    const rates = Array.from({ length: 12 }, (_, index) => index + 1);
    for (const rate of rates) {
      await program.run(feeds(TOKENS, rate));
      outputs.push(program.output("result"));
    }
    const results = await Promise.all(outputs);
    expect(results.map((result) => [...result])).toEqual(
      rates.map((rate) => tinyResult(WEIGHTS, TOKENS, rate)),
    );
  });

  test("chooses among launches by measurement without touching state", async () => {
    const executor = await start({ tune: true });
    const program = await executor.load(tinyProgram);
    await program.run(feeds(TOKENS, 3));
    expect([...(await program.output("result"))]).toEqual(tinyResult(WEIGHTS, TOKENS, 3));
    const bytes = await executor.read("tiny.weight", 0, VALUES * 4);
    expect([...new Float32Array(bytes)]).toEqual(WEIGHTS);
  });

  test("may read and write ranges of one buffer in one dispatch", async () => {
    const executor = await start();
    const at = (offset: number) => ({ buffer: "arena", offset, bytes: 28 });
    const moved: Program = {
      ...tinyProgram,
      buffers: [
        ...tinyProgram.buffers.filter(({ id }) => id !== "scratch" && id !== "ramp"),
        { id: "arena", role: "scratch", bytes: 512 },
      ],
      constants: tinyProgram.constants.map((constant) => ({ ...constant, binding: at(0) })),
      dispatches: tinyProgram.dispatches.map((dispatch) => ({
        ...dispatch,
        bindings: dispatch.bindings.map((binding) => {
          if (binding.buffer === "ramp") return at(0);
          return binding.buffer === "scratch" ? at(256) : binding;
        }),
      })),
    };
    const program = await executor.load(moved);
    await program.run(feeds(TOKENS, 2));
    expect([...(await program.output("result"))]).toEqual(tinyResult(WEIGHTS, TOKENS, 2));
  });
});

describe("state", () => {
  test("is zero at first, written in parts, copied, zeroed, released", async () => {
    const executor = await start();
    executor.state("a", 16);
    executor.state("b", 16);
    const read = async (name: string) => [...new Float32Array(await executor.read(name, 0, 16))];
    expect(await read("a")).toEqual([0, 0, 0, 0]);
    executor.write("a", 4, new Float32Array([1, 2]));
    executor.copy({ state: "a", offset: 4 }, { state: "b", offset: 4 }, 8);
    executor.zero("a");
    expect(await read("a")).toEqual([0, 0, 0, 0]);
    expect(await read("b")).toEqual([0, 1, 2, 0]);
    executor.release("b");
    await expect(executor.read("b", 0, 16)).rejects.toThrow("there is no state b on the device");
  });

  test("is read as it was when reading began", async () => {
    const executor = await start();
    executor.state("a", 4);
    executor.write("a", 0, new Float32Array([1]));
    const before = executor.read("a", 0, 4);
    executor.write("a", 0, new Float32Array([2]));
    expect(new Float32Array(await before)[0]).toBe(1);
  });

  test("is accounted for, with its peak", async () => {
    const executor = await start();
    const base = executor.memory().bytes;
    executor.state("large", 4096);
    expect(executor.memory().bytes).toBe(base + 4096);
    executor.release("large");
    expect(executor.memory()).toEqual({ bytes: base, peak: base + 4096 });
    const program = await executor.load(tinyProgram);
    expect(executor.memory().bytes).toBeGreaterThan(base);
    program.dispose();
    expect(executor.memory().bytes).toBe(base);
  });
});

describe("what cannot run is one clear line", () => {
  test("a feed that is missing, or of another size", async () => {
    const executor = await start();
    const program = await executor.load(tinyProgram);
    await expect(program.run({ tokens: new Uint32Array(TOKENS) })).rejects.toThrow(
      "program tiny is not given its feed scalars",
    );
    await expect(program.run(feeds([1, 2], 1))).rejects.toThrow(
      "feed tokens of program tiny takes 28 bytes, not 8",
    );
  });

  test("an index beyond its table", async () => {
    const executor = await start();
    const program = await executor.load(tinyProgram);
    await expect(program.run(feeds([0, 1, 2, 3, 4, 5, 0], 1))).rejects.toThrow(
      "an index is 5, where there are 5",
    );
  });

  test("a kernel that does not compile, by name and place", async () => {
    const device = await sharedDevice();
    const kernels = {
      ...tinyKernels,
      sum: { ...tinyKernels.sum, wgsl: "@compute @workgroup_size(1) fn main() { nothing(); }" },
    };
    const tuning = createTuning(device.report, {}, { tune: false });
    const executor = createExecutor(device, kernels as typeof tinyKernels, tuning);
    await expect(executor.load(tinyProgram)).rejects.toThrow(
      /^kernel sum does not compile: line 1:\d+: unresolved call target 'nothing'/,
    );
  });

  test("a buffer larger than the adapter's largest", async () => {
    const executor = await start();
    expect(() => executor.state("huge", 2 ** 43)).toThrow(
      /^huge takes 8388608 MiB, and this adapter's largest buffer is \d+ MiB$/,
    );
  });

  test("a kernel that needs a feature the adapter lacks", async () => {
    const device = await sharedDevice();
    const { sum } = tinyKernels;
    const kernels = Object.fromEntries(
      Object.entries(tinyKernels).map(([id, kernel]) => [
        id,
        kernel === sum ? { ...kernel, features: ["no-such-feature"] } : kernel,
      ]),
    );
    const tuning = createTuning(device.report, {}, { tune: false });
    await expect(createExecutor(device, kernels, tuning).load(tinyProgram)).rejects.toThrow(
      "this adapter can run none of the kernels for sum by token",
    );
  });

  test("a dispatch whose bindings overlap while written", async () => {
    const executor = await start();
    const [gather, sum] = tinyProgram.dispatches;
    if (gather === undefined || sum === undefined) throw new Error("the program has changed");
    const [, buckets] = sum.bindings;
    const [scratch] = sum.bindings;
    if (buckets === undefined || scratch === undefined) throw new Error("the program has changed");
    const wrong: Program = {
      ...tinyProgram,
      dispatches: [gather, { ...sum, bindings: [scratch, buckets, { ...scratch, bytes: 20 }] }],
    };
    const program = await executor.load(wrong);
    await expect(program.run(feeds(TOKENS, 1))).rejects.toThrow(/^program tiny cannot run: /);
  });
});
