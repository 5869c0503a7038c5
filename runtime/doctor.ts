/** Explains which adapter is used, why not a better one, and what would make it faster. */
import type { AdapterReport, Refusal } from "./adapter.js";
import { openDevice } from "./device.js";
import { DeviceError, mebibytes } from "./device-error.js";
import { inspectMachine, type Machine } from "./machine.js";

export interface DoctorReport {
  readonly usable: boolean;
  readonly adapter: AdapterReport | null;
  /** Why there is no adapter. */
  readonly problem: string | null;
  readonly machine: Machine;
  readonly advice: readonly string[];
  readonly text: string;
}

const softwareAdvice = (machine: Machine, adapter: AdapterReport): readonly string[] => {
  if (adapter.kind !== "embedded" || machine.platform !== "linux") return [];
  const refused = machine.drivers.includes("lvp");
  return [
    refused
      ? "the installed lavapipe is too old for Dawn: Mesa 25 or later (Debian: mesa-vulkan-drivers from backports) is several times faster than the embedded driver"
      : "lavapipe of Mesa 25 or later (Debian: mesa-vulkan-drivers from backports) is several times faster than the embedded driver",
  ];
};

const gpuAdvice = (machine: Machine): readonly string[] => {
  if (machine.nvidia && !machine.drivers.some((name) => name.startsWith("nvidia")))
    return [
      "there is an NVIDIA GPU but not its Vulkan driver: install it (Debian: nvidia-vulkan-icd; in a container set NVIDIA_DRIVER_CAPABILITIES=all), or name its manifest in VK_DRIVER_FILES",
    ];
  if (machine.renderNodes.length > 0)
    return [
      `the kernel offers a GPU (${machine.renderNodes.join(", ")}) but no driver gives it: install mesa-vulkan-drivers, and see that you may open /dev/dri (group render)`,
    ];
  return ["a GPU with a Vulkan driver would be used without further settings"];
};

const featureAdvice = (adapter: AdapterReport): readonly string[] =>
  adapter.kind === "gpu" && !adapter.features.includes("shader-f16")
    ? ["this GPU's driver offers no 16-bit floats (shader-f16): a newer driver may"]
    : [];

/** What can be done for speed, most useful first. */
export const adviceFor = (machine: Machine, adapter: AdapterReport | null): readonly string[] => {
  if (adapter === null) return gpuAdvice(machine);
  if (adapter.choice !== "auto" && adapter.kind !== "gpu")
    return [`--adapter ${adapter.choice} was asked for: auto may find a faster one`];
  return [
    ...(adapter.kind === "gpu" ? [] : gpuAdvice(machine)),
    ...softwareAdvice(machine, adapter),
    ...featureAdvice(adapter),
  ];
};

const KIND_WORDS = {
  gpu: "a GPU",
  "system-software": "a software driver of the system",
  embedded: "the embedded software driver, which came with npm",
} as const satisfies Record<AdapterReport["kind"], string>;

const adapterLines = ({ device, driver, kind, features, limits }: AdapterReport): string[] => [
  `adapter   ${device}: ${KIND_WORDS[kind]}`,
  `driver    ${driver}`,
  `features  ${features.join(", ") || "none beyond the core"}`,
  `limits    ${mebibytes(limits.maxStorageBufferBindingSize ?? 0)} a binding, ${mebibytes(limits.maxBufferSize ?? 0)} a buffer, ` +
    `${limits.maxStorageBuffersPerShaderStage} buffers a kernel`,
];

const machineLine = ({ cores, loader, drivers, platform }: Machine): string =>
  `machine   ${cores} cores${
    platform === "linux"
      ? `; Vulkan loader: ${loader ? "yes" : "none, the embedded one serves"}; drivers: ${drivers.join(", ") || "none"}`
      : ""
  }`;

const refusalLines = (tried: readonly Refusal[]): string[] =>
  tried.map(({ name, refused }) => `not used  ${name}: ${refused}`);

/** The report in words. */
export const doctorText = (
  machine: Machine,
  adapter: AdapterReport | null,
  problem: string | null,
): string =>
  [
    ...(adapter === null ? [`adapter   none: ${problem ?? "unknown"}`] : adapterLines(adapter)),
    ...refusalLines(adapter?.tried ?? []),
    machineLine(machine),
    ...adviceFor(machine, adapter).map((advice) => `faster    ${advice}`),
  ].join("\n");

const examine = async (
  choice: string,
): Promise<{ readonly adapter: AdapterReport | null; readonly problem: string | null }> => {
  try {
    const device = await openDevice({ adapter: choice });
    device.close();
    return { adapter: device.report, problem: null };
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return { adapter: null, problem: error.message };
  }
};

/** Opens the adapter that `--adapter choice` would use, and closes it again. */
export const doctor = async (choice: string): Promise<DoctorReport> => {
  const machine = inspectMachine();
  const { adapter, problem } = await examine(choice);
  return {
    usable: adapter !== null,
    adapter,
    problem,
    machine,
    advice: adviceFor(machine, adapter),
    text: doctorText(machine, adapter, problem),
  };
};
