// How anything of this project is bundled for Node, and the library that goes with a bundle.
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { build } from "esbuild";

const ofNode = {
  bundle: true,
  platform: "node",
  target: "node20",
  // Native or heavy, and only needed by some commands: loaded from node_modules when used.
  external: ["webgpu", "ts-morph", "@sparticuz/chromium"],
};

export const nodeBundle = {
  ...ofNode,
  splitting: true,
  format: "esm",
  banner: {
    // Bundled CommonJS packages ask for Node's own modules by require, and for their own file name.
    js: 'import { createRequire as __createRequire } from "node:module"; import { dirname as __folderOf } from "node:path"; import { fileURLToPath as __toPath } from "node:url"; const require = __createRequire(import.meta.url), __filename = __toPath(import.meta.url), __dirname = __folderOf(__filename);',
  },
};

/** Names stay as they are: shortening them and then keeping what functions are called costs a call for each closure. */
export const small = { minifyWhitespace: true, minifySyntax: true };

/**
 * A program in one file, `FOLDER/NAME.program.js`, and what starts it, `FOLDER/NAME.js` (runtime/cli/start.ts). Not in
 * modules, as V8 takes what it has compiled before (`keepCompiled`) of scripts only.
 */
export const buildProgram = async (folder, name, entry) => {
  const { outputFiles } = await build({
    ...ofNode,
    ...small,
    entryPoints: [entry],
    write: false,
    format: "cjs",
    define: { "import.meta.url": "__url" },
    banner: {
      js: '(function (require, __import, __filename, __dirname) { const __url = require("node:url").pathToFileURL(__filename).href;',
    },
    footer: { js: "})" },
  });
  // A script that V8 did not compile itself may not import; what starts it does that.
  const text = outputFiles[0].text.replaceAll('import("webgpu")', '__import("webgpu")');
  if (!/^[\0-\x7f]*$/.test(text)) throw new Error(`${entry}: letters other than those of ASCII`);
  await writeFile(`${folder}/${name}.program.js`, text);
  await build({
    entryPoints: ["runtime/cli/start.ts"],
    outfile: `${folder}/${name}.js`,
    format: "esm",
    platform: "node",
    target: "node20",
  });
};

/** Keeps what V8 compiles of a program in a run of it with these arguments: the functions that were called. */
export const keepCompiled = (folder, name, args) => {
  const program = resolve(folder, `${name}.program.js`);
  execFileSync(process.execPath, ["compiled.mjs", program, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
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
