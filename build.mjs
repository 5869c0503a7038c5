// Bundles the command line and the runtime library: unbundled, importing the parser alone costs half a second at start.
import { chmod, cp, mkdir, rm } from "node:fs/promises";
import { build } from "esbuild";
import { nodeBundle } from "./bundle.mjs";

await rm("dist", { recursive: true, force: true });
await mkdir("dist", { recursive: true });
await build({
  ...nodeBundle,
  entryPoints: { espalier: "runtime/cli/main.ts", runtime: "runtime/main.ts" },
  outdir: "dist",
  minify: true,
  keepNames: true,
  sourcemap: false,
});
await cp("stdlib", "dist/stdlib", { recursive: true });
await chmod("dist/espalier.js", 0o755);
