/**
 * Kernels for GPUs that are not at hand: Dawn's null backend has every feature and takes shaders as far as a driver would,
 * so that what Tint refuses (syntax, types, barriers where control flow differs, more workgroup memory than the least
 * that WebGPU promises) shows here; and which kernels the tuner would try on adapters that are made up.
 */
import { expect, test } from "vitest";
import { create } from "webgpu";
import { worthMeasuring } from "../../runtime/candidates.js";
import { kernelFeatures } from "../../runtime/device.js";
import { bindingAccess } from "../../runtime/pipelines.js";
import { waitFor } from "../../runtime/wait.js";
import { everyKernel } from "../support/every-kernel.js";

const MATRIX = "chromium-experimental-subgroup-matrix";
const FEATURES = ["subgroups", "shader-f16", MATRIX] as GPUFeatureName[];

/** Kept while its devices are used: they point to it without owning it (runtime/dawn.ts). */
const dawn = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);

/** A device that runs nothing, with WebGPU's default limits. */
const nullDevice = async (): Promise<GPUDevice> => {
  const adapter = await waitFor(dawn.requestAdapter());
  if (adapter === null) throw new Error("Dawn has no null backend");
  return waitFor(adapter.requestDevice({ requiredFeatures: FEATURES }));
};

/** What Dawn has against a kernel, or null. */
const complaint = async (gpu: GPUDevice, wgsl: string): Promise<string | null> => {
  gpu.pushErrorScope("validation");
  const module = gpu.createShaderModule({ code: wgsl });
  const entries = ["uniform", ...bindingAccess(wgsl)].map((access, binding) => ({
    binding,
    visibility: 4,
    buffer: {
      type: access === "uniform" ? "uniform" : access === "read" ? "read-only-storage" : "storage",
    } as const,
  }));
  const layout = gpu.createPipelineLayout({
    bindGroupLayouts: [gpu.createBindGroupLayout({ entries })],
  });
  gpu.createComputePipeline({ layout, compute: { module, entryPoint: "main" } });
  return (await waitFor(gpu.popErrorScope()))?.message ?? null;
};

interface Text {
  readonly name: string;
  /** Bytes that a workgroup may have. */
  readonly memory: number;
}

/** By their text. */
const texts = new Map<string, Text>(
  everyKernel.flatMap(({ family, shape, variants }) =>
    variants.map(({ name, wgsl, features }) => {
      const asked = features.map(
        (feature) => /^workgroup-memory-(\d+)KiB$/.exec(feature)?.[1] ?? 16,
      );
      const memory = 1024 * Math.max(16, ...asked.map(Number));
      return [wgsl, { name: `${family} ${shape} ${name}`, memory }] as const;
    }),
  ),
);

/** How much memory a kernel needs where that is all that Dawn has against it. */
const neededMemory = (found: string): number =>
  Number(/workgroup storage \((\d+) bytes\)/.exec(found)?.[1] ?? Number.NaN);

test("every kernel of the space is one that Dawn accepts, within WebGPU's default limits or the memory it asks for", async () => {
  const gpu = await nullDevice();
  const complaints: string[] = [];
  for (const [wgsl, { name, memory }] of texts) {
    const found = await complaint(gpu, wgsl);
    if (found !== null && !(neededMemory(found) <= memory)) complaints.push(`${name}: ${found}`);
  }
  expect(complaints).toEqual([]);
  // The test can fail: a barrier that not all invocations reach, and more memory than 16 KiB.
  const bad = (memory: number, guard: string) => `@group(0) @binding(0) var<uniform> p: u32;
var<workgroup> strip: array<f32, ${memory}>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) own: u32) {
  strip[own] = 1.0;
  ${guard} { workgroupBarrier(); }
}`;
  expect(await complaint(gpu, bad(64, "if (p > 3u)"))).toBeNull();
  expect(await complaint(gpu, bad(64, "if (own > 3u)"))).toContain("uniform control flow");
  expect(neededMemory((await complaint(gpu, bad(4100, "if (p > 3u)"))) ?? "")).toBe(4 * 4100);
  gpu.destroy();
});

const GPU = ["shader-f16", "subgroups"];
const UNITS = [...GPU, MATRIX];

/** A shape of matrix units, as Dawn lists it. */
const units = (componentType: string, M: number, N: number, K: number, into = "f32") => ({
  componentType,
  resultComponentType: into,
  M,
  N,
  K,
});

/** Name, kind, WebGPU features, least and most lanes of a subgroup, KiB of memory of a workgroup, matrix units. */
const adapters = [
  ["NVIDIA: 32 lanes", "gpu", UNITS, 32, 32, 48, [units("f16", 16, 16, 16)]],
  [
    "Apple, as Dawn reports Metal: 4 to 64 lanes",
    "gpu",
    UNITS,
    4,
    64,
    32,
    [units("f32", 8, 8, 8), units("f16", 8, 8, 8, "f16")],
  ],
  ["AMD: 32 or 64 lanes", "gpu", UNITS, 32, 64, 32, [units("f16", 16, 16, 16)]],
  ["Intel: 8 to 32 lanes", "gpu", UNITS, 8, 32, 32, [units("f16", 8, 16, 16)]],
  [
    "a GPU whose matrix units nothing asked for",
    "gpu",
    GPU,
    32,
    32,
    48,
    [units("f16", 16, 16, 16)],
  ],
  ["a GPU without subgroups", "gpu", [], 0, 0, 16, []],
  ["lavapipe: 8 lanes", "system-software", GPU, 8, 8, 32, []],
  ["SwiftShader: 4 lanes", "embedded", ["subgroups"], 4, 4, 32, []],
] as const;

test("what the tuner would try on adapters of other makers", async () => {
  const lines = adapters.flatMap(
    ([name, kind, features, least, most, memory, subgroupMatrixConfigs]) => {
      const info = { subgroupMinSize: least, subgroupMaxSize: most, subgroupMatrixConfigs };
      const adapter = {
        kind,
        features: kernelFeatures(new Set<string>(features), info, memory * 1024),
        limits: { maxComputeInvocationsPerWorkgroup: 256 },
      };
      const tried = everyKernel.map(({ family, shape, variants }) => {
        const names = worthMeasuring(adapter, variants).map((index) => variants[index]?.name);
        const arithmetic = / in f16 /.test(shape) ? " in f16" : "";
        return `  ${family}${arithmetic}: ${names.join(", ") || "none"}`;
      });
      return [name, ...new Set(tried), ""];
    },
  );
  await expect(lines.join("\n")).toMatchFileSnapshot("../golden/wgsl/tried.txt");
});
