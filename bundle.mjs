// How anything of this project is bundled for Node, and the library that goes with a bundle.
import { writeFile } from "node:fs/promises";
import { build } from "esbuild";

export const nodeBundle = {
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  // Native or heavy, and only needed by some commands: loaded from node_modules when used.
  external: ["webgpu", "ts-morph", "@sparticuz/chromium"],
  // Bundled CommonJS packages ask for Node's own modules by require, and for their own file name.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; import { dirname as __folderOf } from "node:path"; import { fileURLToPath as __toPath } from "node:url"; const require = __createRequire(import.meta.url), __filename = __toPath(import.meta.url), __dirname = __folderOf(__filename);',
  },
};

/** Parses the standard library once for all: its trees, beside a bundle. */
export const buildLibrary = async (folder) => {
  const { outputFiles } = await build({
    entryPoints: ["runtime/cli/stdlib.ts"],
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
  });
  const code = Buffer.from(outputFiles[0].contents).toString("base64");
  const { parseLibrary, storedLibrary } = await import(`data:text/javascript;base64,${code}`);
  await writeFile(`${folder}/stdlib.jsonl`, storedLibrary(parseLibrary("stdlib")));
};
