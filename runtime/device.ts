/** Opens a device on the chosen adapter. Errors nobody asked about and the loss of the device become its failure. */
import { type AdapterReport, type AdapterSources, chooseAdapter, type Offer } from "./adapter.js";
import { dawnSources } from "./dawn.js";
import { DeviceError, firstLine } from "./device-error.js";
import { reportedLimits, requiredLimits } from "./limits.js";
import { waitFor } from "./wait.js";

export interface Device {
  readonly gpu: GPUDevice;
  readonly report: AdapterReport;
  /** Keeps the first failure. */
  readonly fail: (error: DeviceError) => void;
  /** Throws the device's failure, if there is one. Call after each wait. */
  readonly check: () => void;
  /** Destroys the device; the process can then end by itself. */
  readonly close: () => void;
}

export interface OpenOptions {
  /** "auto", "gpu", "system", "embedded", or part of an adapter's name. Default: $ESPALIER_ADAPTER, else "auto". */
  readonly adapter?: string;
  /** For tests: treat the adapter as if bindings were limited to so many bytes. */
  readonly maxBinding?: number;
}

/** Matrix units. Dawn has them under its toggle allow_unsafe_apis alone, which dawn.ts asks for. */
const SUBGROUP_MATRIX = "chromium-experimental-subgroup-matrix";

/** Features that kernels may need; asked for wherever the adapter has them. */
const FEATURES = ["shader-f16", "subgroups", "subgroup-size-control", SUBGROUP_MATRIX];

/** A shape of matrix units, as Dawn lists it beyond what @webgpu/types know. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

interface AdapterInfo extends Pick<GPUAdapterInfo, "subgroupMinSize" | "subgroupMaxSize"> {
  readonly subgroupMatrixConfigs?: Iterable<MatrixConfig>;
}

/**
 * What kernels may ask of the adapter: WebGPU's features, and `subgroups-of-N` where every subgroup has N lanes,
 * `subgroups-of-8-or-more` where none has fewer, `subgroups-from-4` where one may have 4 to 7 or more;
 * `subgroup-matrix-TYPE-MxNxK` where there are matrix units of that shape that add up in f32; `workgroup-memory-NKiB`
 * for every multiple N of 16 that a workgroup may have, from 32 on.
 */
export const kernelFeatures = (
  features: ReadonlySet<string>,
  {
    subgroupMinSize: least = 0,
    subgroupMaxSize: most = 0,
    subgroupMatrixConfigs: shapes = [],
  }: AdapterInfo,
  workgroupBytes: number,
): readonly string[] => {
  const has = features.has("subgroups");
  const matrices = features.has(SUBGROUP_MATRIX)
    ? [...shapes].filter(({ resultComponentType }) => resultComponentType === "f32")
    : [];
  const memories = Array.from(
    { length: Math.floor(workgroupBytes / 16384) },
    (_, at) => 16 * (at + 1),
  );
  return [
    ...features,
    ...memories.slice(1).map((size) => `workgroup-memory-${size}KiB`),
    ...(has && least === most ? [`subgroups-of-${least}`] : []),
    ...(has && least >= 8 ? ["subgroups-of-8-or-more"] : []),
    ...(has && least >= 4 && least < 8 && most > least ? ["subgroups-from-4"] : []),
    ...matrices.map(
      ({ componentType, M, N, K }) => `subgroup-matrix-${componentType}-${M}x${N}x${K}`,
    ),
  ].sort();
};

const requestDevice = async ({ adapter, name }: Offer<GPUAdapter>): Promise<GPUDevice> => {
  const features = FEATURES.filter((feature) => adapter.features.has(feature));
  try {
    return await waitFor(
      adapter.requestDevice({
        requiredFeatures: features as GPUFeatureName[],
        requiredLimits: requiredLimits(adapter.limits),
      }),
    );
  } catch (error) {
    const reason = error instanceof Error ? firstLine(error.message) : String(error);
    throw new DeviceError(`${name} gave no device: ${reason}`);
  }
};

/** Keeps the first failure of a device until someone checks. */
const watch = (
  gpu: GPUDevice,
): Pick<Device, "fail" | "check"> & { readonly expectLoss: () => void } => {
  let failure: DeviceError | null = null;
  let closing = false;
  const fail = (error: DeviceError): void => {
    failure ??= error;
  };
  gpu.addEventListener("uncapturederror", ({ error }) =>
    fail(new DeviceError(firstLine(error.message))),
  );
  void gpu.lost.then(({ message }) => {
    if (!closing) fail(new DeviceError(`the device was lost: ${firstLine(message)}`));
  });
  return {
    fail,
    check: () => {
      if (failure !== null) throw failure;
    },
    expectLoss: () => {
      closing = true;
    },
  };
};

/** Opens a device. Throws DeviceError where no adapter fits. `sources` is for tests. */
export const openDevice = async (
  options: OpenOptions = {},
  sources: AdapterSources<GPUAdapter> = dawnSources,
): Promise<Device> => {
  const word = options.adapter ?? process.env.ESPALIER_ADAPTER ?? "auto";
  const { offer, tried } = await chooseAdapter(word, sources);
  const gpu = await requestDevice(offer);
  const { fail, check, expectLoss } = watch(gpu);
  const { info } = offer.adapter;
  return {
    gpu,
    report: {
      choice: word,
      kind: offer.kind,
      vendor: info.vendor,
      device: offer.name,
      driver: info.description,
      features: kernelFeatures(gpu.features, info, gpu.limits.maxComputeWorkgroupStorageSize),
      limits: reportedLimits(gpu.limits, options.maxBinding),
      tried,
    },
    fail,
    check,
    close: () => {
      expectLoss();
      gpu.destroy();
    },
  };
};
