// Bundles the writer of the editors' grammars beside its sources, so that Node runs it as it runs the product, and starts it;
// then VS Code's part of the language server.
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
await build({
  entryPoints: ["editors/vscode-client.ts"],
  outfile: "editors/vscode/dist/client.cjs",
  bundle: true,
  platform: "node",
  format: "cjs",
  external: ["vscode"],
  logLevel: "warning",
});
