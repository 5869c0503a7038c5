/**
 * The schedule for matrix units against float64. No adapter here has such units, so they are put in its text as plain WGSL:
 * what is fetched, what stays of the edges, where results go and what they are added to is the kernel's own. The shapes are
 * smaller than any maker's, as every lane computes all of them.
 */
import { expect, test } from "vitest";
import type { KernelCall } from "../../kernels/kernel.js";
import { byMatrix, type MatmulSpec, matmul, referenceMatmul } from "../../kernels/matmul.kernel.js";
import type { MatrixShape } from "../../kernels/matmul-matrix.js";
import type { Dtype } from "../../kernels/operand.js";
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

interface Case {
  readonly layout: MatmulSpec["layout"];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly accumulate?: true;
  readonly of?: readonly [Dtype, Dtype];
  readonly ahead?: 2;
  /** As where subgroups are known to have 32 lanes: such kernels need no edges where there are none. */
  readonly known?: true;
  /** Of a subgroup's tile: 12 leave rows of a strip whose pieces divide no round of invocations. */
  readonly columns?: 12;
  /** Of a strip: 64 take more than one round. */
  readonly depth?: 64;
}

/**
 * More rows than four subgroups own; columns and k that end within a matrix, or tiles that lie within C, which units store.
 * Operands are read one by one, in fours, or (f16) in eights; k ends where strips do or not, with one or two on their way.
 */
const FLOATS_CASES: readonly Case[] = [
  { layout: "nt", m: 37, n: 11, k: 19 },
  { layout: "nt", m: 37, n: 11, k: 19, ahead: 2 },
  { layout: "nn", m: 36, n: 12, k: 20, accumulate: true, ahead: 2 },
  { layout: "tn", m: 36, n: 20, k: 12 },
  { layout: "nn", m: 64, n: 32, k: 20, accumulate: true },
  { layout: "nt", m: 20, n: 12, k: 16 },
  { layout: "nt", m: 32, n: 16, k: 16, accumulate: true, ahead: 2, known: true },
  { layout: "nn", m: 32, n: 16, k: 24, known: true },
  { layout: "tn", m: 16, n: 32, k: 20, known: true },
  { layout: "nn", m: 32, n: 48, k: 72, known: true, columns: 12, depth: 64 },
];
const HALVES_CASES: readonly Case[] = [
  { layout: "nn", m: 36, n: 12, k: 20, accumulate: true, of: ["f32", "f32"] },
  { layout: "nt", m: 32, n: 20, k: 24, of: ["f32", "f16"], ahead: 2 },
  { layout: "tn", m: 40, n: 24, k: 17, accumulate: true, of: ["f16", "f16"] },
  { layout: "nn", m: 33, n: 16, k: 32, of: ["f16", "bf16"] },
  { layout: "tn", m: 32, n: 16, k: 48, accumulate: true, of: ["bf16", "f16"], known: true },
  { layout: "nt", m: 32, n: 32, k: 32, of: ["f16", "f16"], ahead: 2, known: true },
];

const cases = [
  ...FLOATS_CASES.map((of) => ({ device: shared, shape: FLOATS, of })),
  ...(able === undefined ? [] : HALVES_CASES).map((of) => ({
    device: able ?? shared,
    shape: HALVES,
    of,
  })),
].map((each) => ({ ...each, name: `${each.shape.type} ${JSON.stringify(each.of)}` }));

test.each(cases)("$name", async ({ device, shape, of }) => {
  const { layout, m, n, k, accumulate = false, known = false } = of;
  const [inA, inB] = of.of ?? ["f32", "f32"];
  const types = { a: inA, b: inB, arithmetic: shape.type };
  const spec: MatmulSpec = { batch: 2, m, n, k, layout, accumulate, types };
  const tile = {
    shape,
    rows: 8,
    columns: of.columns ?? 8,
    depth: of.depth ?? 8,
    down: 2,
    across: 2,
    known,
    ahead: of.ahead ?? 1,
  } as const;
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
