/** The name at a place in a file. */
import type { Name, SourceFile, StageDecl } from "../../../grammar/ast.js";
import type { Span } from "../../../grammar/span.js";

export interface NameAt {
  /** What it may stand for, the most exact first: of `house.x`, at x, `house.x` and `x`; at house, `house`. */
  readonly names: readonly string[];
  readonly span: Span;
}

const isNode = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const isSpan = (value: unknown): value is Span =>
  isNode(value) && typeof value.start === "number" && typeof value.end === "number";

/** The end counts too: there the pointer stands behind the last letter. */
const holds = ({ start, end }: Span, offset: number): boolean => start <= offset && offset <= end;

const isName = (node: unknown): node is Name =>
  isNode(node) && node.kind === "name" && typeof node.name === "string" && isSpan(node.span);

/** The nodes around an offset, outermost first. */
const around = (node: unknown, offset: number): unknown[] => {
  if (Array.isArray(node)) return node.flatMap((item) => around(item, offset));
  if (!isNode(node) || (isSpan(node.span) && !holds(node.span, offset))) return [];
  return [node, ...Object.values(node).flatMap((value) => around(value, offset))];
};

/** What stands before `.name`, where it is a name. */
const aliasOf = (nodes: readonly unknown[], name: Name): readonly Name[] =>
  nodes.flatMap((node) =>
    isNode(node) && node.kind === "member" && node.member === name && isName(node.target)
      ? [node.target]
      : [],
  );

export const nameAt = (file: SourceFile, offset: number): NameAt | null => {
  const nodes = around(file.declarations, offset);
  const found = nodes.findLast(isName);
  if (found === undefined) return null;
  const full = aliasOf(nodes, found).map((alias) => `${alias.name}.${found.name}`);
  return { names: [...full, found.name], span: found.span };
};

/** The stage around an offset, or null. */
export const stageAt = (file: SourceFile, offset: number): StageDecl | null =>
  file.declarations.find(
    (decl): decl is StageDecl => decl.kind === "stage" && holds(decl.span, offset),
  ) ?? null;
