/** Tables: values that depend on indices alone, such as rotary angles. Computed once on the host, in float64. */

import type { Node } from "../ir/tensor.js";
import { operandsOf } from "../ir/traverse.js";
import type { Scalar } from "../plan.js";

/** What takes a device long, or is only exact in float64, as `floor` where a quotient comes near a whole number. */
const COSTLY: ReadonlySet<string> = new Set(["sin", "cos", "exp", "log", "pow", "tanh", "floor"]);

const cache = new WeakMap<Node, { readonly fixed: boolean; readonly costly: boolean }>();

const judge = (node: Node): { readonly fixed: boolean; readonly costly: boolean } => {
  const known = cache.get(node);
  if (known !== undefined) return known;
  const inner = operandsOf(node).map(judge);
  const fixed =
    node.op === "const" ||
    node.op === "index" ||
    // The host's scalars have no erf.
    (node.op === "map" && node.fn !== "erf" && inner.every((i) => i.fixed));
  const costly =
    inner.some((i) => i.costly) ||
    (node.op === "map" && COSTLY.has(node.fn) && node.axes.length > 0);
  const judged = { fixed, costly };
  cache.set(node, judged);
  return judged;
};

/** Whether a node is worth a table: fixed, with a costly function, over at least one axis. */
export const isTable = (node: Node): boolean => {
  const { fixed, costly } = judge(node);
  return fixed && costly && node.axes.length > 0;
};

/** The table's value as a scalar over variables named as its axes. */
export const tableScalar = (node: Node): Scalar => {
  switch (node.op) {
    case "const":
      return { op: "number", value: node.value };
    case "index":
      return { op: "variable", name: node.axes[0]?.name ?? "" };
    case "map":
      if (node.fn === "erf") throw new Error("erf is not part of a table");
      return { op: node.fn, args: node.args.map(tableScalar) };
    default:
      throw new Error(`${node.op} is not part of a table`);
  }
};
