/** Folders of the project, from the bundle's place in bench/dist. */
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const EXAMPLES = fileURLToPath(new URL("../../examples", import.meta.url));
