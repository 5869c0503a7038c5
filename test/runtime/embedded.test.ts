import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { embeddedDriver } from "../../runtime/embedded.js";
import { tarEntries } from "../../runtime/tar.js";
import { driverManifests, driverName, withOnlyDriver } from "../../runtime/vulkan.js";

describe.runIf(process.platform === "linux" && process.arch === "x64")("the driver", () => {
  test("is unpacked once, whole, by however many at once", async () => {
    const cache = await mkdtemp(join(tmpdir(), "espalier-test-"));
    try {
      const drivers = await Promise.all(Array.from({ length: 4 }, () => embeddedDriver(cache)));
      const [driver] = drivers;
      if (driver === undefined) throw new Error("nothing was unpacked");
      expect(drivers.every(({ loader }) => loader === driver.loader)).toBe(true);
      expect(await readdir(cache)).toEqual([`swiftshader-${driver.version}`]);
      const manifest = JSON.parse(await readFile(driver.manifest, "utf8"));
      expect(manifest.ICD.library_path).toBe("./libvk_swiftshader.so");
      const { mtimeMs } = await stat(driver.loader);
      await embeddedDriver(cache);
      expect((await stat(driver.loader)).mtimeMs).toBe(mtimeMs);
    } finally {
      await rm(cache, { recursive: true });
    }
  });

  test("cannot be unpacked into a file: one line, with a hint", async () => {
    await expect(embeddedDriver("/dev/null")).rejects.toMatchObject({
      message: expect.stringMatching(/^the embedded software driver cannot be unpacked: ENOTDIR/),
      hint: "run npm ci again",
    });
  });
});

const header = (name: string, size: string, type = "0"): Uint8Array => {
  const block = new Uint8Array(512);
  const put = (text: string, at: number) => block.set(new TextEncoder().encode(text), at);
  put(name, 0);
  put(size, 124);
  put(type, 156);
  return block;
};

describe("a tar archive", () => {
  test("gives its regular files", () => {
    const data = new Uint8Array(512).fill(7);
    const end = new Uint8Array(1024);
    const parts = [header("folder/", "0", "5"), header("./a", "00000000003\0"), data, end];
    const entries = tarEntries(Buffer.concat(parts));
    expect(entries.map(({ name }) => name)).toEqual(["./a"]);
    expect([...(entries[0]?.data ?? [])]).toEqual([7, 7, 7]);
  });

  test("that is cut off or lies about a size is refused", () => {
    expect(() => tarEntries(header("a", "00000000777\0"))).toThrow("the archive is broken");
    expect(() => tarEntries(header("a", "zzz"))).toThrow("the archive is broken");
  });
});

describe("driver manifests", () => {
  test("named in the environment are the only ones", () => {
    const env = { VK_ICD_FILENAMES: "/x/lvp_icd.x86_64.json:/y/nvidia_icd.json" };
    expect(driverManifests(env).map(driverName)).toEqual(["lvp", "nvidia"]);
  });

  test("are those of the folders that a loader searches", async () => {
    const data = await mkdtemp(join(tmpdir(), "espalier-test-"));
    const none = { XDG_CONFIG_HOME: "/none", XDG_CONFIG_DIRS: "/none", XDG_DATA_HOME: "/none" };
    try {
      const before = driverManifests({ ...none, XDG_DATA_DIRS: data });
      await mkdir(join(data, "vulkan/icd.d"), { recursive: true });
      await writeFile(join(data, "vulkan/icd.d/lvp_icd.json"), "{}");
      await writeFile(join(data, "vulkan/icd.d/readme.txt"), "");
      expect(driverManifests({ ...none, XDG_DATA_DIRS: data })).toEqual([
        ...before,
        join(data, "vulkan/icd.d/lvp_icd.json"),
      ]);
    } finally {
      await rm(data, { recursive: true });
    }
  });

  test("are put back after one was singled out", async () => {
    process.env.VK_ICD_FILENAMES = "/before.json";
    delete process.env.VK_DRIVER_FILES;
    const seen = await withOnlyDriver("/only.json", async () => [
      process.env.VK_ICD_FILENAMES,
      process.env.VK_DRIVER_FILES,
    ]);
    expect(seen).toEqual(["/only.json", "/only.json"]);
    expect(process.env.VK_ICD_FILENAMES).toBe("/before.json");
    expect(process.env.VK_DRIVER_FILES).toBeUndefined();
    delete process.env.VK_ICD_FILENAMES;
  });
});
