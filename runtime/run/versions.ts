/** Versions that the bits of a run may depend on. */
import { createRequire } from "node:module";
import { z } from "zod";
import { VERSION } from "../version.js";

const packageSchema = z.object({ version: z.string() });

/** Of an installed package; "unknown" where it does not say. */
const versionOf = (name: string): string => {
  try {
    const read: unknown = createRequire(import.meta.url)(`${name}/package.json`);
    return packageSchema.parse(read).version;
  } catch {
    return "unknown";
  }
};

/** Node's matters for the functions of `Math` behind rates and seeds; that of `webgpu` is Dawn's. */
export const versions = (): Readonly<Record<string, string>> => ({
  espalier: VERSION,
  node: process.versions.node,
  webgpu: versionOf("webgpu"),
});
