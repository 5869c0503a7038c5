import { describe, expect, test } from "vitest";
import type { AdapterReport } from "../../runtime/adapter.js";
import { adviceFor, doctor, doctorText } from "../../runtime/doctor.js";
import type { Machine } from "../../runtime/machine.js";

const bare: Machine = {
  platform: "linux",
  cores: 2,
  loader: false,
  drivers: [],
  nvidia: false,
  renderNodes: [],
};

const embedded: AdapterReport = {
  choice: "auto",
  kind: "embedded",
  vendor: "google",
  device: "SwiftShader Device (Subzero)",
  driver: "SwiftShader driver 5.0.0",
  features: ["subgroups"],
  limits: {
    maxStorageBufferBindingSize: 2 ** 30,
    maxBufferSize: 2 ** 30,
    maxStorageBuffersPerShaderStage: 12,
  },
  tried: [{ name: "system drivers", refused: "no Vulkan driver is installed" }],
};

const advice = (machine: Partial<Machine>, adapter: AdapterReport | null = embedded): string =>
  adviceFor({ ...bare, ...machine }, adapter).join("\n");

describe("advice", () => {
  test("on a bare machine is a GPU, else lavapipe", () => {
    expect(advice({})).toMatch(/a GPU with a Vulkan driver would be used.*\nlavapipe of Mesa 25/);
  });

  test("says where the installed lavapipe is too old", () => {
    expect(advice({ drivers: ["lvp"] })).toContain("the installed lavapipe is too old");
  });

  test("says where a GPU's driver is missing", () => {
    expect(advice({ nvidia: true })).toContain("there is an NVIDIA GPU but not its Vulkan driver");
    expect(advice({ renderNodes: ["renderD128"] })).toContain("renderD128");
  });

  test("is silent for a GPU with all it needs", () => {
    const gpu: AdapterReport = { ...embedded, kind: "gpu", features: ["shader-f16"] };
    expect(advice({}, gpu)).toBe("");
    expect(advice({}, { ...gpu, features: [] })).toContain("shader-f16");
  });

  test("says when a slower adapter was asked for", () => {
    expect(advice({}, { ...embedded, choice: "embedded" })).toContain("auto may find a faster one");
  });
});

test("the text says what is used, what is not and why, and what would be faster", () => {
  expect(doctorText(bare, embedded, null)).toMatchInlineSnapshot(`
    "adapter   SwiftShader Device (Subzero): the embedded software driver, which came with npm
    driver    SwiftShader driver 5.0.0
    features  subgroups
    limits    1024 MiB a binding, 1024 MiB a buffer, 12 buffers a kernel
    not used  system drivers: no Vulkan driver is installed
    machine   2 cores; Vulkan loader: none, the embedded one serves; drivers: none
    faster    a GPU with a Vulkan driver would be used without further settings
    faster    lavapipe of Mesa 25 or later (Debian: mesa-vulkan-drivers from backports) is several times faster than the embedded driver"
  `);
});

test("the text of a machine without any adapter says why", () => {
  expect(doctorText(bare, null, "no adapter for --adapter gpu")).toContain(
    "adapter   none: no adapter for --adapter gpu",
  );
});

test("the doctor opens the adapter it speaks of", async () => {
  const found = await doctor("embedded");
  expect(found).toMatchObject({ usable: true, problem: null, adapter: { kind: "embedded" } });
  expect(found.text).toContain("the embedded software driver, which came with npm");
  const missing = await doctor("no such adapter");
  expect(missing).toMatchObject({ usable: false, adapter: null });
  expect(missing.text).toContain("no adapter for --adapter no such adapter");
});
