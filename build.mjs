// Bundles the command line and the runtime library: unbundled, importing the parser alone costs half a second at start.
import { chmod, mkdir, rm } from "node:fs/promises";
import { build } from "esbuild";
import { buildLibrary, buildProgram, keepCompiled, nodeBundle, small } from "./bundle.mjs";

await rm("dist", { recursive: true, force: true });
await mkdir("dist", { recursive: true });
// Bundles are esbuild's work, the library this process's, and what is kept another's: two at once.
await Promise.all([buildProgram("dist", "espalier", "runtime/cli/main.ts"), buildLibrary("dist")]);
const runtime = build({
  ...nodeBundle,
  ...small,
  entryPoints: { runtime: "runtime/main.ts" },
  outdir: "dist",
});
keepCompiled("dist", "espalier", ["check", "examples/sotu-half.prune"]);
await runtime;
await chmod("dist/espalier.js", 0o755);
