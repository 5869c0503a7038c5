/** Kernels that were written before: layers that are alike have the same ones, of other tensors. */
import { axesKey, numberKey } from "../ir/key.js";
import type { Node } from "../ir/tensor.js";
import { operandsOf } from "../ir/traverse.js";
import type { GeneratedKernel, Job } from "./job.js";

/** What a kernel's text follows from, and the nodes in an order that only follows from it too. */
interface Structure {
  readonly key: string;
  readonly nodes: readonly Node[];
}

/** What tells an operation apart besides its operands and axes. */
const fieldsOf = (node: Node): string => {
  switch (node.op) {
    case "map":
      return node.fn;
    case "const":
      return numberKey(node.value);
    case "reduce":
      return `${node.fn} ${node.over.join()}`;
    case "gather":
      return node.axis;
    case "shift":
      return `${node.axis} ${node.by}`;
    case "rename":
      return `${node.from} ${node.to}`;
    case "index":
    case "cast":
    case "permute":
    case "stop":
      return "";
    default:
      throw new Error(`${node.op} cannot be generated`);
  }
};

/** Nodes are walked by their order in the graph as well, as a text may follow it. */
const structureOf = ({ group, isStored, dtypeOf, into, box }: Job): Structure => {
  const { root, rows, inner } = group;
  const places = new Map<Node, number>();
  const parts: string[] = [];
  const visit = (node: Node): number => {
    const known = places.get(node);
    if (known !== undefined) return known;
    const isOperand = node !== root && isStored(node);
    const operands = isOperand ? [] : operandsOf(node).map(visit);
    const what = isOperand
      ? `stored ${dtypeOf(node)} ${node.op === "input" ? node.dtype : ""}`
      : `${node.op} ${fieldsOf(node)} ${operands.join()}`;
    parts.push(`${what} ${axesKey(node.axes)}`);
    places.set(node, places.size);
    return places.size - 1;
  };
  visit(root);
  const nodes = [...places.keys()];
  const order = [...nodes].sort((a, b) => a.id - b.id).map((node) => places.get(node));
  const boxes = [...box].map(([axis, { start, length }]) => `${axis} ${start} ${length}`);
  return {
    key: [...parts, order.join(), axesKey(rows), axesKey(inner), into, ...boxes].join("\n"),
    nodes,
  };
};

const written = new Map<string, { readonly kernel: GeneratedKernel; readonly reads: number[] }>();

/** The kernel of a job, written where none like it was before. */
export const onceWritten = (job: Job, write: (job: Job) => GeneratedKernel): GeneratedKernel => {
  const { key, nodes } = structureOf(job);
  const known = written.get(key);
  if (known !== undefined)
    return { ...known.kernel, reads: known.reads.flatMap((at) => nodes[at] ?? []) };
  const kernel = write(job);
  written.set(key, { kernel, reads: kernel.reads.map((node) => nodes.indexOf(node)) });
  return kernel;
};
