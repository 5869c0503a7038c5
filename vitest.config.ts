import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Two cores: device tests share the software adapter, so few workers at once.
    maxWorkers: 2,
    pool: "forks",
  },
});
