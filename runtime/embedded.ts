/**
 * The embedded adapter: SwiftShader, a Vulkan driver in software, and a Vulkan loader, as `npm ci` brought them inside
 * @sparticuz/chromium. Unpacked once per version into the user's cache folder; nothing is downloaded.
 */
import { access, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { cacheFolder } from "./cache.js";
import { DeviceError } from "./device-error.js";
import { tarEntries } from "./tar.js";

export interface EmbeddedDriver {
  readonly version: string;
  /** libvulkan.so.1, for machines without one. */
  readonly loader: string;
  /** The manifest that makes a Vulkan loader use SwiftShader. */
  readonly manifest: string;
}

const PACKAGE = "@sparticuz/chromium";
const LOADER = "libvulkan.so.1";
const MANIFEST = "vk_swiftshader_icd.json";
const FILES = ["libvk_swiftshader.so", LOADER, MANIFEST] as const;

interface PackageFolder {
  readonly folder: string;
  readonly version: string;
}

/** The installed package, found from its entry point upwards, as it exports no package.json. */
const packageFolder = async (): Promise<PackageFolder> => {
  const entry = createRequire(import.meta.url).resolve(PACKAGE);
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    const text = await readFile(join(folder, "package.json"), "utf8").catch(() => "{}");
    const found = JSON.parse(text) as { readonly name?: string; readonly version?: string };
    if (found.name === PACKAGE) return { folder, version: found.version ?? "0" };
  }
  throw new Error(`${PACKAGE} has no package.json`);
};

const isWhole = (folder: string): Promise<boolean> =>
  Promise.all(FILES.map((file) => access(join(folder, file)))).then(
    () => true,
    () => false,
  );

const unpackInto = async (archive: string, folder: string): Promise<void> => {
  const entries = tarEntries(await promisify(brotliDecompress)(await readFile(archive)));
  for (const file of FILES) {
    const entry = entries.find(({ name }) => name.replace(/^\.\//, "") === file);
    if (entry === undefined) throw new Error(`${PACKAGE} holds no ${file}`);
    await writeFile(join(folder, file), entry.data, { mode: 0o755 });
  }
};

/** Unpacks beside the target and renames, so that a half-unpacked folder is never seen and two processes may race. */
const unpack = async (archive: string, target: string): Promise<void> => {
  if (await isWhole(target)) return;
  const fresh = await mkdtemp(`${target}.`);
  try {
    await unpackInto(archive, fresh);
    await rename(fresh, target);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (!(await isWhole(target))) throw error;
  }
};

/** The embedded driver's files, unpacked if need be (0.3 s, once). `cache` is for tests. */
export const embeddedDriver = async (cache?: string): Promise<EmbeddedDriver> => {
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new DeviceError("the embedded software driver is for Linux on x64 only");
  try {
    const { folder, version } = await packageFolder();
    const target = join(cache ?? (await cacheFolder()), `swiftshader-${version}`);
    await unpack(join(folder, "bin", "swiftshader.tar.br"), target);
    return { version, loader: join(target, LOADER), manifest: join(target, MANIFEST) };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new DeviceError(`the embedded software driver cannot be unpacked: ${reason}`, {
      hint: "run npm ci again",
    });
  }
};
