/**
 * The Vulkan loader and the drivers it would find, on Linux. Dawn opens the loader by its name, libvulkan.so.1, when it
 * first looks for adapters; where the system has none, opening the embedded one before under that name is enough.
 */
import { readdirSync } from "node:fs";
import { homedir, constants as osConstants } from "node:os";
import { basename, join } from "node:path";

const LOADER = "libvulkan.so.1";
/** Stays in the process after Node closes it again, as it does with a library that is no addon (dlfcn.h). */
const RTLD_NODELETE = 0x1000;

/** Opens a shared library for good; false where it cannot be found or opened. */
const openLibrary = (path: string): boolean => {
  const { RTLD_NOW, RTLD_GLOBAL } = osConstants.dlopen;
  try {
    process.dlopen({ exports: {} }, path, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
    return true;
  } catch (error) {
    // Node opened it and then found that it is no addon: that is what we want.
    return error instanceof Error && error.message.includes("did not self-register");
  }
};

/** Whether the machine has a Vulkan loader (or an embedded one has been opened already). */
export const hasLoader = (): boolean => openLibrary(LOADER);

/** Makes sure that Dawn finds a Vulkan loader: the system's, else the one at `path`. */
export const ensureLoader = (path: string): boolean => hasLoader() || openLibrary(path);

const split = (value: string | undefined): string[] =>
  (value ?? "").split(":").filter((part) => part !== "");

/** Folders that a Vulkan loader searches for driver manifests, in its order (LoaderDriverInterface.md). */
const manifestFolders = (env: NodeJS.ProcessEnv): string[] => {
  const home = env.HOME ?? homedir();
  return [
    ...split(env.XDG_CONFIG_HOME ?? join(home, ".config")),
    ...split(env.XDG_CONFIG_DIRS ?? "/etc/xdg"),
    "/usr/local/etc",
    "/etc",
    ...split(env.XDG_DATA_HOME ?? join(home, ".local/share")),
    ...split(env.XDG_DATA_DIRS ?? "/usr/local/share:/usr/share"),
  ].map((folder) => join(folder, "vulkan", "icd.d"));
};

/** Manifests of the drivers a loader would try: those named in the environment, else all that are installed. */
export const driverManifests = (env: NodeJS.ProcessEnv = process.env): readonly string[] => {
  const named = split(env.VK_DRIVER_FILES ?? env.VK_ICD_FILENAMES);
  if (named.length > 0) return named;
  const listed = manifestFolders(env).flatMap((folder) => {
    try {
      return readdirSync(folder)
        .filter((file) => file.endsWith(".json"))
        .map((file) => join(folder, file));
    } catch {
      return [];
    }
  });
  return [...split(env.VK_ADD_DRIVER_FILES), ...listed];
};

/** "lvp_icd.x86_64.json" → "lvp". */
export const driverName = (manifest: string): string =>
  basename(manifest).replace(/_icd.*$|\.json$/, "");

const VARIABLES = [
  "VK_ICD_FILENAMES",
  "VK_DRIVER_FILES",
  "VK_ADD_DRIVER_FILES",
  "VK_LOADER_DRIVERS_SELECT",
  "VK_LOADER_DRIVERS_DISABLE",
] as const;

/** Runs `work` while the loader sees only this driver (Node writes process.env through to C's), then puts all back. */
export const withOnlyDriver = async <T>(manifest: string, work: () => Promise<T>): Promise<T> => {
  const before = VARIABLES.map((name) => [name, process.env[name]] as const);
  for (const name of VARIABLES) delete process.env[name];
  process.env.VK_ICD_FILENAMES = manifest;
  process.env.VK_DRIVER_FILES = manifest;
  try {
    return await work();
  } finally {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
};
