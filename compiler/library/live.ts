/** Which names lines of a forward pass read before they assign them: what must come into them from outside. */
import type { BodyLine } from "../../grammar/ast.js";

/** Names within syntax that stand for values; a callee, which is a function, is one only `withCallees`. */
export const namesIn = (syntax: unknown, withCallees = false): readonly string[] => {
  const names = new Set<string>();
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const inner of node) visit(inner);
      return;
    }
    if (typeof node !== "object" || node === null) return;
    if ("kind" in node && node.kind === "name" && "name" in node) names.add(String(node.name));
    for (const [field, inner] of Object.entries(node))
      if (withCallees || field !== "callee") visit(inner);
  };
  visit(syntax);
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
