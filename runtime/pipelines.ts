/** Compute pipelines by kernel id, compiled once and in parallel. */
import type { Kernel } from "../compiler/plan.js";
import { canRun } from "./candidates.js";
import type { Device } from "./device.js";
import { DeviceError, firstLine } from "./device-error.js";
import { COMPUTE_STAGE } from "./gpu-flags.js";
import { waitFor } from "./wait.js";

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** What a kernel does with each storage binding from 1 on. */
export type Access = "read" | "read_write";

export interface Pipelines {
  /** More kernels, by id. */
  readonly add: (kernels: Readonly<Record<string, Kernel>>) => void;
  /** Whether the device has the features and the workgroup size a kernel needs. */
  readonly runs: (kernel: string) => boolean;
  /** The kernel of an id. */
  readonly kernel: (id: string) => Kernel;
  readonly access: (kernel: string) => readonly Access[];
  /**
   * Compiles a kernel, or gives the one compiled before. `writable`: with every binding declared read_write, which
   * WebGPU demands where one dispatch reads and writes ranges of the same buffer.
   */
  readonly get: (kernel: string, writable: boolean) => Promise<Pipeline>;
}

const STORAGE =
  /(?:@group\(0\)\s*)?@binding\((\d+)\)\s*(?:@group\(0\)\s*)?var<\s*storage\s*(?:,\s*(read_write|read)\s*)?>/g;

/** The access of each storage binding, in order, as the shader declares it; one it lacks counts as read. */
export const bindingAccess = (wgsl: string): readonly Access[] => {
  const access: Access[] = [];
  for (const [, binding, mode] of wgsl.matchAll(STORAGE)) {
    const at = Number(binding) - 1;
    while (access.length < at) access.push("read");
    access[at] = mode === "read_write" ? "read_write" : "read";
  }
  return access;
};

const allWritable = (wgsl: string): string =>
  wgsl.replaceAll(/var<\s*storage\s*(?:,\s*read\s*)?>/g, "var<storage, read_write>");

const entries = (access: readonly Access[]): GPUBindGroupLayoutEntry[] => [
  { binding: 0, visibility: COMPUTE_STAGE, buffer: { type: "uniform" } },
  ...access.map(
    (mode, index): GPUBindGroupLayoutEntry => ({
      binding: index + 1,
      visibility: COMPUTE_STAGE,
      buffer: { type: mode === "read" ? "read-only-storage" : "storage" },
    }),
  ),
];

/** What the shader compiler first complains of, with its place in the shader. */
const complaint = async (module: GPUShaderModule): Promise<string | null> => {
  const { messages } = await waitFor(module.getCompilationInfo());
  const error = messages.find(({ type }) => type === "error");
  return error === undefined
    ? null
    : `line ${error.lineNum}:${error.linePos}: ${firstLine(error.message)}`;
};

const compile = async (
  { gpu }: Device,
  id: string,
  wgsl: string,
  layout: GPUBindGroupLayout,
): Promise<Pipeline> => {
  // A scope, as Dawn prints errors that none takes.
  gpu.pushErrorScope("validation");
  const module = gpu.createShaderModule({ label: id, code: wgsl });
  const invalid = waitFor(gpu.popErrorScope());
  try {
    const pipeline = await waitFor(
      gpu.createComputePipelineAsync({
        label: id,
        layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: "main" },
      }),
    );
    await invalid;
    return { pipeline, layout };
  } catch (error) {
    await invalid;
    const reason = error instanceof Error ? firstLine(error.message) : String(error);
    throw new DeviceError(`kernel ${id} does not compile: ${(await complaint(module)) ?? reason}`);
  }
};

export const createPipelines = (
  device: Device,
  kernels: Readonly<Record<string, Kernel>>,
): Pipelines => {
  const { gpu } = device;
  const known = new Map(Object.entries(kernels));
  const layouts = new Map<string, GPUBindGroupLayout>();
  const pipelines = new Map<string, Promise<Pipeline>>();
  const accesses = new Map<string, readonly Access[]>();

  const kernelNamed = (id: string): Kernel => {
    const kernel = known.get(id);
    if (kernel === undefined) throw new DeviceError(`the plan has no kernel ${id}`);
    return kernel;
  };

  const access = (id: string): readonly Access[] => {
    const found = accesses.get(id) ?? bindingAccess(kernelNamed(id).wgsl);
    accesses.set(id, found);
    return found;
  };

  const layoutOf = (modes: readonly Access[]): GPUBindGroupLayout => {
    const key = modes.join();
    const layout = layouts.get(key) ?? gpu.createBindGroupLayout({ entries: entries(modes) });
    layouts.set(key, layout);
    return layout;
  };

  return {
    add: (more) => {
      for (const [id, kernel] of Object.entries(more)) known.set(id, kernel);
    },
    runs: (id) => canRun(device.report, kernelNamed(id)),
    kernel: kernelNamed,
    access,
    get: (id, writable) => {
      const key = writable ? `${id} writable` : id;
      const before = pipelines.get(key);
      if (before !== undefined) return before;
      const { wgsl } = kernelNamed(id);
      const modes = writable ? access(id).map(() => "read_write" as const) : access(id);
      const made = compile(device, id, writable ? allWritable(wgsl) : wgsl, layoutOf(modes));
      pipelines.set(key, made);
      return made;
    },
  };
};
