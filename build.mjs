// Bundles the command line and the runtime library: unbundled, importing the parser alone costs half a second at start.
import { chmod, mkdir, rm } from "node:fs/promises";
import { build } from "esbuild";
import { buildLibrary, nodeBundle } from "./bundle.mjs";

await rm("dist", { recursive: true, force: true });
await mkdir("dist", { recursive: true });
await build({
  ...nodeBundle,
  entryPoints: { espalier: "runtime/cli/main.ts", runtime: "runtime/main.ts" },
  outdir: "dist",
  // Names stay as they are: shortening them and then keeping what functions are called costs a call for each closure.
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: false,
});
await buildLibrary("dist");
await chmod("dist/espalier.js", 0o755);
