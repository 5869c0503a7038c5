// Bundles the writer of the editors' grammars beside its sources, so that Node runs it as it runs the product, and starts it.
import { rm } from "node:fs/promises";
import { build } from "esbuild";
import { nodeBundle } from "../bundle.mjs";

await rm("editors/dist", { recursive: true, force: true });
await build({
  ...nodeBundle,
  entryPoints: { write: "editors/write.ts" },
  outdir: "editors/dist",
  logLevel: "warning",
});
await import("./dist/write.js");
await rm("editors/dist", { recursive: true, force: true });
