/** Which names lines of a forward pass read before they assign them: what must come into them from outside. */
import type { BodyLine } from "../../grammar/ast.js";

const addNames = (node: object, withCallees: boolean, names: Set<string>): void => {
  const fields = node as Readonly<Record<string, unknown>>;
  if (fields.kind === "name") names.add(String(fields.name));
  for (const field in fields) {
    const inner = fields[field];
    // Every node has a span, and no span has a name.
    if (typeof inner !== "object" || inner === null || field === "span") continue;
    if (withCallees || field !== "callee") addNames(inner, withCallees, names);
  }
};

/** Lines of a forward pass are asked about again for each size at which it is tried. */
const known = {
  withCallees: new WeakMap<object, readonly string[]>(),
  without: new WeakMap<object, readonly string[]>(),
};

/** Names within syntax that stand for values; a callee, which is a function, is one only `withCallees`. */
export const namesIn = (syntax: object, withCallees = false): readonly string[] => {
  const found = withCallees ? known.withCallees : known.without;
  const before = found.get(syntax);
  if (before !== undefined) return before;
  const names = new Set<string>();
  addNames(syntax, withCallees, names);
  found.set(syntax, [...names]);
  return [...names];
};

const readBy = (line: BodyLine): Iterable<string> => {
  switch (line.kind) {
    case "assign":
      return namesIn(line.value);
    case "tap":
      return namesIn(line.values);
    case "state":
      return namesIn(line.value);
    case "require":
      return namesIn(line.condition);
    case "each":
      return liveInto(line.lines);
    default:
      return line satisfies never;
  }
};

/** Names that the lines read before they assign them. */
export const liveInto = (lines: readonly BodyLine[]): ReadonlySet<string> => {
  const live = new Set<string>();
  const assigned = new Set<string>();
  for (const line of lines) {
    for (const name of readBy(line)) if (!assigned.has(name)) live.add(name);
    if (line.kind === "assign") assigned.add(line.name.name);
  }
  return live;
};
