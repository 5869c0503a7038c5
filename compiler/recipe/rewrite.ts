/**
 * Replaces expressions in a syntax tree, bottom up, leaving spans as they are. Used to give the members of an alias
 * their names and to put constants where their names stand.
 */
import type { Expr } from "../../grammar/ast.js";

/** Fields that hold names which are no expressions: declared names, axes, words. */
const NOT_EXPRESSIONS: ReadonlySet<string> = new Set([
  "name",
  "names",
  "axes",
  "axis",
  "member",
  "heads",
  "indexOf",
  "arrowTo",
  "key",
  "alias",
  "path",
  "source",
  "subject",
  "comments",
  "span",
]);

const EXPRESSIONS: ReadonlySet<string> = new Set([
  "name",
  "number",
  "quantity",
  "string",
  "list",
  "member",
  "index",
  "call",
  "unary",
  "binary",
  "arrow",
  "range",
] satisfies Expr["kind"][]);

const isExpr = (node: object): node is Expr =>
  "kind" in node && typeof node.kind === "string" && EXPRESSIONS.has(node.kind);

/** A call's name stays a name, whatever a constant of the same name is worth. */
const asCallee = (before: unknown, after: unknown): unknown =>
  typeof after === "object" && after !== null && isExpr(after) && isCallee(after) ? after : before;

const isCallee = (expr: Expr): boolean => expr.kind === "name" || expr.kind === "member";

/** What nothing is replaced in is not copied. */
const walk = (node: unknown, replace: (expr: Expr) => Expr): unknown => {
  if (typeof node !== "object" || node === null) return node;
  if (Array.isArray(node)) {
    const items = node.map((item) => walk(item, replace));
    return items.some((item, at) => item !== node[at]) ? items : node;
  }
  let copy: Record<string, unknown> | null = null;
  for (const [key, value] of Object.entries(node)) {
    if (typeof value !== "object" || NOT_EXPRESSIONS.has(key)) continue;
    const replaced = walk(value, replace);
    const after = key === "callee" ? asCallee(value, replaced) : replaced;
    if (after === value) continue;
    copy ??= { ...node };
    copy[key] = after;
  }
  const whole = copy ?? node;
  return isExpr(whole) ? replace(whole) : whole;
};

/** The tree with every expression replaced, inner ones first; the replacement of a name must be an expression too. */
export const mapExpressions = <T>(tree: T, replace: (expr: Expr) => Expr): T =>
  walk(tree, replace) as T;
