/** Where this installation lies: its files are looked for above the running script, or above this file in its source. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const scriptFolder = (): string => dirname(fileURLToPath(import.meta.url));

/** The file or folder of this name that is nearest above. */
export const nearestAbove = (name: string): string => {
  for (let at = scriptFolder(); ; at = dirname(at)) {
    const candidate = join(at, name);
    if (existsSync(candidate)) return candidate;
    if (at === dirname(at)) throw new Error(`${name} is missing from this installation`);
  }
};
