/** The k-th largest of a row: the kernel against sorting, and a mask of the k largest as it is lowered, whole and in pieces. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Dense } from "../../compiler/ir/tensor.js";
import { lower } from "../../compiler/schedule/lower.js";
import { portableTarget } from "../../compiler/schedule/target.js";
import { kthLargest, referenceKthLargest } from "../../kernels/kth-largest.kernel.js";
import { everyDevice } from "../support/device.js";
import { randomArray } from "../support/numbers.js";
import { feedPlacement, runLowered } from "../support/run-graph.js";
import { runKernel } from "../support/run-kernel.js";

const devices = (await everyDevice()).map((device) => [device.report.device, device] as const);

interface Rows {
  readonly rows: number;
  readonly columns: number;
  readonly share: number;
  readonly seed: number;
  /** Numbers are rounded to multiples of one over this, so that many are equal; 0: as they are. */
  readonly grain: number;
  /** Every how manieth number is minus infinity, and the next too small to be normal; 0: none. */
  readonly odd: number;
}

const drawnRows: fc.Arbitrary<Rows> = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  columns: fc.constantFrom(1, 2, 7, 255, 256, 257, 700, 3001),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  seed: fc.nat(),
  grain: fc.constantFrom(0, 1, 4),
  odd: fc.constantFrom(0, 2, 5),
});

const numbersOf = ({ rows, columns, seed, grain, odd }: Rows): Float32Array =>
  randomArray(rows * columns, seed).map((v, at) => {
    if (odd > 0 && at % odd === 0) return Number.NEGATIVE_INFINITY;
    if (odd > 0 && at % odd === 1) return v * 1e-40;
    return grain === 0 ? v : Math.round(3 * v * grain) / grain;
  });

test.each(devices)("%s: every schedule finds what sorting finds", async (_, device) => {
  await fc.assert(
    fc.asyncProperty(drawnRows, fc.nat(3), async (drawn, base) => {
      const { rows, columns, share } = drawn;
      const k = 1 + Math.floor(share * (columns - 1));
      const numbers = numbersOf(drawn);
      const x = new Float32Array(base + numbers.length).fill(Number.NaN);
      x.set(numbers, base);
      const out = new Float32Array(2 * base + rows).fill(-1);
      const bases = { x: base, out: 2 * base };
      const call = kthLargest({ rows, columns, k, bases });
      const expected = referenceKthLargest({ rows, columns, k }, numbers);
      for (const [at, { name }] of call.variants.entries()) {
        const found = await runKernel(device, call, at, { x, out });
        expect([...(found.out ?? [])], name).toEqual([...out.subarray(0, 2 * base), ...expected]);
      }
    }),
    { numRuns: 25 },
  );
});

/** x [vocab, position], selected along the outer axis. */
const maskGraph = (position: number, vocab: number, k: number) => {
  const b = new Builder();
  const axes = [
    { name: "vocab", size: vocab },
    { name: "position", size: position },
  ];
  const x = b.input("x", axes);
  const place = b.kth(x, "vocab", k);
  const mask = b.binary("less", place, b.index({ name: "vocab", size: vocab }));
  const data = Float64Array.from(randomArray(position * vocab, k), (v) => Math.round(8 * v));
  return {
    graph: { outputs: { place, mask: b.permute(mask, ["vocab", "position"]) } },
    values: new Map<string, Dense>([["x", { axes, data }]]),
  };
};

test.each([
  portableTarget.maxBinding,
  4096,
])("lowered with bindings of %i bytes, places are those of float64", async (maxBinding) => {
  const drawn = maskGraph(70, 300, 11);
  const exact = interpret(drawn.graph, drawn.values);
  const target = { ...portableTarget, maxBinding };
  const lowered = lower("kth", drawn.graph, feedPlacement(drawn), target);
  const pieces = lowered.program.dispatches.filter(({ label }) => label === "k-th largest");
  expect(pieces.length > 1).toBe(maxBinding === 4096);
  const found = await runLowered(lowered, drawn.values);
  for (const [name, { data }] of Object.entries(exact))
    expect([...(found.get(name) ?? [])], name).toEqual([...data]);
});
