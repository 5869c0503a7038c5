/** A name that must stand for one model, where a search stands for many. */
import type { Name } from "../../../grammar/ast.js";
import { type Context, find, say } from "../context.js";
import type { ModelEntry } from "../scope.js";

/** The model of a name; null after saying why there is none, or that there are several. */
export const one = (context: Context, name: Name): ModelEntry | null => {
  const entry = find(context, "model", name);
  if (entry === null || entry.candidates === undefined) return entry;
  const count = entry.candidates.list.length;
  say(context, "candidates-many", name.span, { name: name.name, count });
  return null;
};
