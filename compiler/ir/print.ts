/** Graphs as text, one node a line in order of computation; numbered from 0, so that a builder's history does not show. */
import { describeAxes } from "./axes.js";
import { numberKey } from "./key.js";
import type { AttentionRule, Graph, Node } from "./tensor.js";
import { nodesOf, operandsOf } from "./traverse.js";

const ruleText = ({ position, dim, scale, cap, within }: AttentionRule): string => {
  const limits = [
    ["scale", scale],
    ["cap", cap],
    ["within", within],
  ] as const;
  const given = limits.flatMap(([name, value]) => (value === null ? [] : [name, numberKey(value)]));
  return [position, dim, ...given].join(" ");
};

const headOf = (node: Node): string => {
  switch (node.op) {
    case "input":
      return `input ${node.name}${node.dtype === "u32" ? " u32" : ""}`;
    case "const":
      return `const ${numberKey(node.value)}`;
    case "map":
      return node.fn;
    case "reduce":
      return `${node.fn}[${node.over.join(" ")}]`;
    case "contract":
      return `contract[${node.over.join(" ")}]`;
    case "gather":
    case "scatter":
      return `${node.op}[${node.axis}]`;
    case "shift":
      return `shift[${node.axis} by ${node.by}]`;
    case "kth":
      return `kth[${node.axis} ${node.k}]`;
    case "compact":
    case "expand":
      return `${node.op}[${node.axis} to ${node.axes.at(-1)?.name ?? ""}]`;
    case "rename":
      return `rename[${node.from} to ${node.to}]`;
    case "attention":
    case "attention_grad":
      return `${node.op}.${node.part}[${ruleText(node)}]`;
    case "index":
    case "cast":
    case "permute":
    case "stop":
      return node.op;
    default:
      return node satisfies never;
  }
};

/** The text of a graph: `%3 = add %1 %2 [hidden: 4]`, then its outputs. Equal graphs give equal text. */
export const printGraph = (graph: Graph): string => {
  const numbers = new Map<Node, number>();
  const name = (node: Node): string => `%${numbers.get(node) ?? "?"}`;
  const lines: string[] = [];
  for (const node of nodesOf(graph)) {
    numbers.set(node, numbers.size);
    const words = [name(node), "=", headOf(node), ...operandsOf(node).map(name)];
    lines.push([...words, describeAxes(node.axes)].join(" "));
  }
  for (const [output, node] of Object.entries(graph.outputs))
    lines.push(`${output} = ${name(node)}`);
  return `${lines.join("\n")}\n`;
};
