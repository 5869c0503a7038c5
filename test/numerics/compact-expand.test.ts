/** Entries that a mask picks, and rows put together from a few entries: kernels against their references, and as they are lowered. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/build.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { Dense } from "../../compiler/ir/tensor.js";
import { verify } from "../../compiler/ir/verify.js";
import { lower } from "../../compiler/schedule/lower.js";
import { portableTarget } from "../../compiler/schedule/target.js";
import { compact, referenceCompact } from "../../kernels/compact.kernel.js";
import { expand, referenceExpand } from "../../kernels/expand.kernel.js";
import { everyDevice } from "../support/device.js";
import { randomArray } from "../support/numbers.js";
import { feedPlacement, runLowered } from "../support/run-graph.js";
import { runKernel } from "../support/run-kernel.js";

const devices = (await everyDevice()).map((device) => [device.report.device, device] as const);

const drawnRows = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  columns: fc.constantFrom(1, 2, 7, 255, 256, 257, 700, 3001),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  seed: fc.nat(),
  shared: fc.boolean(),
  base: fc.nat(3),
});

/** The array with something else before it. */
const after = <A extends Float32Array | Uint32Array>(base: number, array: A): A => {
  const longer = new (array.constructor as new (length: number) => A)(base + array.length).fill(7);
  longer.set(array, base);
  return longer as A;
};

test.each(devices)("%s: entries are picked as one after the other", async (_, device) => {
  await fc.assert(
    fc.asyncProperty(drawnRows, async ({ rows, columns, share, seed, shared, base }) => {
      const count = 1 + Math.floor(share * (columns - 1));
      // About half are marked: there may be too few, or too many.
      const mask = randomArray(rows * columns, seed).map((v) => (v > 0 ? 1 : 0));
      const x = randomArray((shared ? 1 : rows) * columns, seed + 1);
      const spec = { rows, columns, count, shared };
      const bases = { mask: base, x: 2 * base, out: 3 * base };
      const out = new Float32Array(3 * base + rows * count).fill(-1);
      const operands = { mask: after(base, mask), x: after(2 * base, x), out };
      const found = await runKernel(device, compact({ ...spec, bases }), 0, operands);
      const expected = referenceCompact(spec, mask, x);
      expect([...(found.out ?? [])]).toEqual([...out.subarray(0, 3 * base), ...expected]);
    }),
    { numRuns: 25 },
  );
});

/** `count` places of each row, in order. */
const drawnPlaces = (rows: number, columns: number, count: number, seed: number): Uint32Array =>
  Uint32Array.from(
    Array.from({ length: rows }, (_, row) => {
      const keys = randomArray(columns, seed + row);
      const places = [...keys.keys()].sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
      return places.slice(0, count).sort((a, b) => a - b);
    }).flat(),
  );

test.each(devices)("%s: rows are put together from their entries", async (_, device) => {
  await fc.assert(
    fc.asyncProperty(drawnRows, async ({ rows, columns, share, seed, base }) => {
      const count = 1 + Math.floor(share * (columns - 1));
      const [x, fill] = [randomArray(rows * count, seed), randomArray(rows, seed + 1)];
      const places = drawnPlaces(rows, columns, count, seed);
      const bases = { x: base, places: 2 * base, fill: base, out: base };
      const out = new Float32Array(base + rows * columns).fill(-1);
      const found = await runKernel(device, expand({ rows, count, columns, bases }), 0, {
        x: after(base, x),
        places: after(2 * base, places),
        fill: after(base, fill),
        out,
      });
      const expected = referenceExpand({ rows, count, columns }, x, places, fill);
      expect([...(found.out ?? [])]).toEqual([...out.subarray(0, base), ...expected]);
    }),
    { numRuns: 25 },
  );
});

const axis = (name: string, size: number) => ({ name, size });

/** The largest of x [vocab, position] and their places, and x as it is known from numbers and places that are given. */
const drawnGraph = (position: number, vocab: number, count: number) => {
  const b = new Builder();
  const [P, V, K] = [axis("position", position), axis("vocab", vocab), axis("vocab kept", count)];
  const x = b.input("x", [V, P]);
  const place = b.kth(x, "vocab", count);
  const least = b.reduce(
    "max",
    b.select(b.binary("equal", place, b.index(V)), x, b.constant(-1e30)),
    ["vocab"],
  );
  const mask = b.unary("not", b.permute(b.binary("less", x, least), ["vocab", "position"]));
  const given = b.input("given", [P, K]);
  // What is given to a test as `tokens` is made of integers.
  const places = b.input("tokens", [P, K], "u32");
  const outputs = {
    values: b.compact(x, mask, "vocab", K),
    places: b.compact(b.index(V), mask, "vocab", K),
    whole: b.expand(given, places, b.sum(given, ["vocab kept"]), "vocab kept", V),
  };
  const dense = (axes: readonly { name: string; size: number }[], data: ArrayLike<number>) => ({
    axes,
    data: Float64Array.from(data),
  });
  const values = new Map<string, Dense>([
    ["x", dense([V, P], randomArray(position * vocab, 5))],
    ["given", dense([P, K], randomArray(position * count, 6))],
    ["tokens", dense([P, K], drawnPlaces(position, vocab, count, 7))],
  ]);
  return { graph: { outputs }, values };
};

test.each([
  portableTarget.maxBinding,
  8192,
])("lowered with bindings of %i bytes, rows are those of float64", async (maxBinding) => {
  const drawn = drawnGraph(70, 300, 11);
  expect(verify(drawn.graph, "built")).toEqual([]);
  const exact = interpret(drawn.graph, drawn.values);
  const lowered = lower("rows", drawn.graph, feedPlacement(drawn), {
    ...portableTarget,
    maxBinding,
  });
  const of = (label: string) => lowered.program.dispatches.filter((d) => d.label === label).length;
  expect(of("compact") > 2 && of("expand") > 1).toBe(maxBinding === 8192);
  const found = await runLowered(lowered, drawn.values);
  for (const name of ["values", "places"])
    expect([...(found.get(name) ?? [])], name).toEqual([...(exact[name]?.data ?? [])]);
  const [whole, wanted] = [found.get("whole"), exact.whole?.data];
  expect(whole?.length).toBe(70 * 300);
  whole?.forEach((value, at) => {
    expect(Math.abs(value - (wanted?.[at] ?? Number.NaN))).toBeLessThan(1e-5);
  });
});
