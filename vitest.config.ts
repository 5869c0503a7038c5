import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Dawn checks bounds in tests alone: see runtime/dawn.ts.
    env: { ESPALIER_CHECKED: "1" },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Two cores: device tests share the software adapter, so few workers at once.
    maxWorkers: 2,
    pool: "forks",
    // Files share modules and devices, half the time of those without a device; what a file sets it must set back.
    isolate: false,
  },
});
