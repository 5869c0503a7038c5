/** Paths as people read them, and as they can be given to a shell. */
import { relative } from "node:path";

/** From the folder of the command, where it is below. */
export const shownPath = (path: string): string => {
  const here = relative(process.cwd(), path);
  return here.startsWith("..") ? path : here;
};

/** In quotes where a shell would take it apart. */
export const typedPath = (path: string): string => {
  const shown = shownPath(path);
  return /^[\p{L}\p{M}\p{N}_./\\:-]+$/u.test(shown) ? shown : `"${shown}"`;
};
