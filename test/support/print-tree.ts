/** Syntax trees without spans: as plain data to compare, and as text to read. */

/** Any node, or part of one, without its places in the text. */
export type Tree =
  | string
  | number
  | boolean
  | null
  | readonly Tree[]
  | { readonly [key: string]: Tree };

const isPlace = (key: string): boolean => key === "span" || key.endsWith("Span");

/** The node as data without spans. */
export const treeOf = (node: unknown): Tree => {
  if (Array.isArray(node)) return node.map(treeOf);
  if (typeof node === "object" && node !== null) {
    const entries = Object.entries(node).filter(([key]) => !isPlace(key));
    return Object.fromEntries(entries.map(([key, value]) => [key, treeOf(value)]));
  }
  if (typeof node === "string" || typeof node === "number" || typeof node === "boolean")
    return node;
  return null;
};

type Fields = { readonly [key: string]: Tree };

const isList = (tree: Tree): tree is readonly Tree[] => Array.isArray(tree);

const WIDEST = 100;

/** On one line where it fits, else a line for each part. */
const laid = (open: string, parts: readonly string[], close: string): string => {
  const line = `${open}${parts.join(", ")}${close}`;
  if (line.length <= WIDEST && !line.includes("\n")) return line;
  const inner = parts.map((part) => `  ${part.replaceAll("\n", "\n  ")}`).join("\n");
  return `${open.trimEnd()}\n${inner}\n${close}`;
};

const numberText = ({ text, value }: Fields): string =>
  Number(text) === value ? String(text) : `${text}=${value}`;

/** `{ }` is not the same as no block. */
const isEmpty = (key: string, tree: Tree): boolean =>
  tree === null || (isList(tree) && tree.length === 0 && key !== "body");

const printNode = (node: Fields): string => {
  const { kind, ...fields } = node;
  switch (kind) {
    case "name":
      return String(node.name);
    case "number":
      return numberText(node);
    case "quantity":
      return `<${numberText(node)} ${node.unit}>`;
    case "string":
      return JSON.stringify(node.value);
    case "unary":
      return laid(`(${node.op} `, [printTree(node.operand ?? null)], ")");
    case "binary":
      return laid(`(${node.op} `, [node.left ?? null, node.right ?? null].map(printTree), ")");
    default: {
      const shown = Object.entries(fields).filter(([key, value]) => !isEmpty(key, value));
      const parts = shown.map(([key, value]) => `${key}: ${printTree(value)}`);
      return laid(`${kind ?? ""}{`, parts, "}");
    }
  }
};

/** A tree as text: names bare, operations as (op, …), other nodes as kind{ field: … } without their empty fields. */
export const printTree = (tree: Tree): string => {
  if (tree === null || typeof tree !== "object") return JSON.stringify(tree);
  return isList(tree) ? laid("[", tree.map(printTree), "]") : printNode(tree);
};
