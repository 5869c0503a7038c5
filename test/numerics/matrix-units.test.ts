/**
 * The schedule for matrix units against float64. No adapter here has such units, so they are put in its text as plain WGSL:
 * what is fetched, what stays of the edges, where results go and what they are added to is the kernel's own. The shapes are
 * smaller than any maker's, as every lane computes all of them.
 */
import { expect, test } from "vitest";
import type { KernelCall } from "../../kernels/kernel.js";
import { byMatrix, type MatmulSpec, matmul, referenceMatmul } from "../../kernels/matmul.kernel.js";
import type { MatrixShape } from "../../kernels/matmul-matrix.js";
import { kernelFeatures } from "../../runtime/device.js";
import { everyDevice, sharedDevice } from "../support/device.js";
import { withoutUnits } from "../support/matrix-units.js";
import { poisoned, randomArray, worstError } from "../support/numbers.js";
import { runKernel } from "../support/run-kernel.js";
import { storedAs } from "../support/stored-as.js";

const FLOATS: MatrixShape = { type: "f32", m: 4, n: 4, k: 4 };
const HALVES: MatrixShape = { type: "f16", m: 2, n: 4, k: 8 };

/** Lavapipe has f16, and takes seconds to compile what SwiftShader takes tenths for. */
const shared = await sharedDevice();
const able = (await everyDevice()).find(({ report }) => report.features.includes("shader-f16"));

/** Numbers that f16 has, so that rounding changes none and products are as exact as f32's. */
const coarse = (count: number, seed: number): Float32Array =>
  randomArray(count, seed).map((value) => Math.round(value * 64) / 64);

/**
 * More rows than four subgroups own; columns and k that end within a matrix, or tiles that lie within C, which units store.
 * Operands are read one by one, in fours, or (f16) in eights.
 */
const FLOAT_SIZES = [
  ["nt", 37, 11, 19, false],
  ["nn", 36, 12, 20, true],
  ["tn", 36, 20, 12, false],
  ["nn", 64, 32, 20, true],
] as const;
const HALF_SIZES = [
  ["nn", 36, 12, 20, true, "f32", "f32"],
  ["nt", 32, 20, 24, false, "f32", "f16"],
  ["tn", 40, 24, 17, true, "f16", "f16"],
] as const;

const cases = [
  ...FLOAT_SIZES.map((sizes) => ({ device: shared, shape: FLOATS, sizes })),
  ...(able === undefined ? [] : HALF_SIZES).map((sizes) => ({
    device: able ?? shared,
    shape: HALVES,
    sizes,
  })),
];

test.each(cases)("$shape.type, $sizes", async ({ device, shape, sizes }) => {
  const [layout, m, n, k, accumulate, inA = "f32", inB = "f32"] = sizes;
  const types = { a: inA, b: inB, arithmetic: shape.type };
  const spec: MatmulSpec = { batch: 2, m, n, k, layout, accumulate, types };
  const tile = { shape, rows: 8, columns: 8, depth: 8, down: 2, across: 2, known: false };
  const variant = byMatrix(spec, tile);
  const a = storedAs(coarse(2 * m * k, m), inA);
  const b = storedAs(coarse(2 * n * k, n), inB);
  const c = accumulate ? coarse(2 * m * n, k) : poisoned(2 * m * n);
  const call: KernelCall = {
    ...matmul(spec),
    variants: [{ ...variant, wgsl: withoutUnits(variant.wgsl) }],
  };
  const found = await runKernel(device, call, 0, { a: a.data, b: b.data, c });
  expect(worstError(found.c, referenceMatmul(spec, a.values, b.values, c))).toBeLessThan(1e-5);
});

test("a schedule asks for the shape of its units as the runtime names it, in its arithmetic alone", () => {
  const types = { a: "f32", b: "bf16", arithmetic: "f16" } as const;
  const spec: MatmulSpec = { batch: 1, m: 64, n: 64, k: 64, layout: "nt", accumulate: false };
  const asked = (of: MatmulSpec): string[] =>
    matmul(of).variants.flatMap(({ features }) => features.filter((name) => /-matrix-/.test(name)));
  const info = {
    subgroupMinSize: 32,
    subgroupMaxSize: 32,
    subgroupMatrixConfigs: [
      { componentType: "f16", resultComponentType: "f32", M: 16, N: 16, K: 16 },
      { componentType: "f32", resultComponentType: "f32", M: 8, N: 8, K: 8 },
      { componentType: "f16", resultComponentType: "f16", M: 8, N: 16, K: 16 },
    ],
  };
  const device = new Set(["subgroups", "chromium-experimental-subgroup-matrix"]);
  const has = kernelFeatures(device, info, 16384).filter((name) => /-matrix-[a-z]/.test(name));
  expect(has).toEqual(["subgroup-matrix-f16-16x16x16", "subgroup-matrix-f32-8x8x8"]);
  expect(new Set(asked(spec))).toEqual(new Set(["subgroup-matrix-f32-8x8x8"]));
  expect(asked({ ...spec, types })).toContain("subgroup-matrix-f16-16x16x16");
  expect(asked({ ...spec, types })).not.toContain("subgroup-matrix-f32-8x8x8");
  expect(kernelFeatures(new Set(["subgroups"]), info, 16384)).not.toContain(
    "subgroup-matrix-f32-8x8x8",
  );
});
