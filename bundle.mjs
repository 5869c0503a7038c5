// How anything of this project is bundled for Node.
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
