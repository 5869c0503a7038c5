// Bundles the benchmark beside its sources, so that Node runs it as it runs the product, and starts it.
import { rm } from "node:fs/promises";
import { build } from "esbuild";
import { buildLibrary, buildProgram, keepCompiled, nodeBundle } from "../bundle.mjs";

await rm("bench/dist", { recursive: true, force: true });
await build({
  ...nodeBundle,
  entryPoints: { main: "bench/main.ts", worker: "bench/worker.ts" },
  outdir: "bench/dist",
  // TensorFlow.js has its gradients only as modules, which Node takes for CommonJS; so peers are bundled too.
  mainFields: ["module", "main"],
  logLevel: "warning",
});
await buildProgram("bench/dist", "language", "bench/language.ts");
await buildLibrary("bench/dist");
keepCompiled("bench/dist", "language", ["examples/sotu-half.prune"]);
await import("./dist/main.js");
