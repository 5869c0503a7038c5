/** Asks Dawn for adapters: the system's drivers first, the embedded one when called for. */
import type { AdapterSources, Offer, Offers } from "./adapter.js";
import { embeddedDriver } from "./embedded.js";
import { driverManifests, driverName, ensureLoader, hasLoader, withOnlyDriver } from "./vulkan.js";
import { waitFor } from "./wait.js";

/**
 * On NVIDIA, Dawn hides shader-f16 and matrix units without these; elsewhere they change nothing that we use
 * (PhysicalDeviceVk.cpp, PhysicalDevice.cpp in Dawn).
 */
const GPU_FEATURES = ["allow_unsafe_apis", "vulkan_enable_f16_on_nvidia"];

/**
 * Kernels stay within their bindings by themselves (indices that come from data are clamped or checked by the host),
 * and a check at each load costs SwiftShader a third of its speed. Tests run with the checks, so that a read past a
 * binding shows.
 */
const UNCHECKED = process.env.ESPALIER_CHECKED === "1" ? [] : ["disable_robustness"];

const toggles = (features: readonly string[]): readonly string[] =>
  features.length === 0 ? [] : [`enable-dawn-features=${features.join(",")}`];

const GPU_TOGGLES = toggles([...GPU_FEATURES, ...UNCHECKED]);
const EMBEDDED_TOGGLES = toggles(UNCHECKED);

/** A name no adapter has: Dawn then answers with the names that there are. */
const NO_NAME = "\u0001";

/**
 * Dawn's pump and its devices point to the instance behind this object without owning it: once it is collected, the
 * next wait reads freed memory (seen as crashes and as hangs). So it is kept; it does not keep the process.
 */
const instances = new Set<GPU>();

const createGpu = async (flags: readonly string[]): Promise<GPU> => {
  const gpu = (await import("webgpu")).create([...flags]);
  instances.add(gpu);
  return gpu;
};

const messageOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "message" in error
    ? String(error.message)
    : String(error);

/** Full names of the adapters Dawn can use, best first. */
const adapterNames = async (flags: readonly string[]): Promise<readonly string[]> => {
  const gpu = await createGpu([...flags, `adapter=${NO_NAME}`]);
  try {
    await waitFor(gpu.requestAdapter({ powerPreference: "high-performance" }));
    return [];
  } catch (error) {
    const names = [...messageOf(error).matchAll(/^ \* backend: '.*?', name: '(.*)'$/gm)];
    return [...new Set(names.flatMap((match) => match[1] ?? []))];
  }
};

const requestByName = async (flags: readonly string[], name: string): Promise<GPUAdapter | null> =>
  waitFor(
    (await createGpu([...flags, `adapter=${name}`])).requestAdapter({
      powerPreference: "high-performance",
    }),
  );

/** Why there is no use in asking Dawn for system drivers, or null. It would warn on stderr. */
const noSystemDriver = async (): Promise<string | null> => {
  if (process.platform !== "linux") return null;
  if (driverManifests().length === 0) return "no Vulkan driver is installed";
  if (hasLoader()) return null;
  const { loader } = await embeddedDriver().catch(() => ({ loader: null }));
  return loader !== null && ensureLoader(loader)
    ? null
    : "there is no Vulkan loader (libvulkan.so.1)";
};

const refusedDrivers = (): string => {
  const drivers = driverManifests().map(driverName).join(", ");
  return drivers === ""
    ? "Dawn found no adapter"
    : `Dawn can use none of the installed drivers (${drivers})`;
};

const systemOffers = async (): Promise<Offers<GPUAdapter>> => {
  const reason = await noSystemDriver();
  const none = (refused: string) => ({
    offers: [],
    refused: [{ name: "system drivers", refused }],
  });
  if (reason !== null) return none(reason);
  const names = await adapterNames(GPU_TOGGLES);
  const offers: Offer<GPUAdapter>[] = [];
  for (const name of names) {
    const adapter = await requestByName(GPU_TOGGLES, name);
    if (adapter === null) continue;
    const kind = adapter.info.isFallbackAdapter ? "system-software" : "gpu";
    offers.push({ name, kind, adapter });
  }
  return offers.length === 0 ? none(refusedDrivers()) : { offers, refused: [] };
};

const embeddedOffers = async (): Promise<Offers<GPUAdapter>> => {
  const none = (refused: string) => ({
    offers: [],
    refused: [{ name: "embedded SwiftShader", refused }],
  });
  try {
    const driver = await embeddedDriver();
    if (!ensureLoader(driver.loader)) return none("its Vulkan loader cannot be opened");
    return await withOnlyDriver(driver.manifest, async () => {
      const [name] = await adapterNames(EMBEDDED_TOGGLES);
      const adapter = name === undefined ? null : await requestByName(EMBEDDED_TOGGLES, name);
      return name === undefined || adapter === null
        ? none("Dawn refused it")
        : { offers: [{ name, kind: "embedded" as const, adapter }], refused: [] };
    });
  } catch (error) {
    return none(messageOf(error));
  }
};

export const dawnSources: AdapterSources<GPUAdapter> = {
  system: systemOffers,
  embedded: embeddedOffers,
};
