// Bundles the command line and the runtime library: unbundled, importing the parser alone costs half a second at start.
import { chmod, cp, mkdir, rm } from "node:fs/promises";
import { build } from "esbuild";

await rm("dist", { recursive: true, force: true });
await mkdir("dist", { recursive: true });
await build({
  entryPoints: { espalier: "runtime/cli/main.ts", runtime: "runtime/main.ts" },
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  minify: true,
  keepNames: true,
  sourcemap: false,
  // Native or heavy, and only needed by some commands: loaded from node_modules when used.
  external: ["webgpu", "ts-morph", "@sparticuz/chromium"],
  // Bundled CommonJS packages ask for Node's own modules by require, and for their own file name.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; import { fileURLToPath as __toPath } from "node:url"; const require = __createRequire(import.meta.url), __filename = __toPath(import.meta.url), __dirname = __toPath(new URL(".", import.meta.url));',
  },
});
await cp("stdlib", "dist/stdlib", { recursive: true });
await chmod("dist/espalier.js", 0o755);
