/** What is legal IR after which pass, worked out from the operands alone; for tests and for a pass in doubt. */
import {
  attentionAxes,
  attentionGradAxes,
  axisNames,
  compactAxes,
  contractAxes,
  describeAxes,
  expandAxes,
  gatherAxes,
  mapAxes,
  permuteAxes,
  reduceAxes,
  renameAxes,
  sameAxes,
  scatterAxes,
} from "./axes.js";
import { arityOf } from "./scalar.js";
import type { Axis, Graph, Node } from "./tensor.js";
import { nodesOf, operandsOf } from "./traverse.js";

/** As built from the library; after differentiation; ready for lowering. */
export type GraphStage = "built" | "differentiated" | "lowered";

export interface Problem {
  readonly node: Node;
  readonly message: string;
}

/** A new axis, which comes last. */
const lastOf = ({ axes }: Node): Axis => axes.at(-1) ?? { name: "", size: 0 };

/** The axes that a node's operands give it. Throws AxisError. */
const expectedAxes = (node: Node): readonly Axis[] => {
  switch (node.op) {
    case "input":
      return node.axes;
    case "const":
      return [];
    case "index":
      return node.axes.slice(0, 1);
    case "cast":
    case "stop":
    case "shift":
      return node.arg.axes;
    case "map":
      return mapAxes(node.args);
    case "permute":
      return permuteAxes(node.arg, axisNames(node.axes));
    case "reduce":
      return reduceAxes(node.arg, node.over);
    case "kth":
      return reduceAxes(node.arg, [node.axis]);
    case "compact":
      return compactAxes(node.arg, node.mask, node.axis, lastOf(node));
    case "expand":
      return expandAxes(node.arg, node.places, node.fill, node.axis, lastOf(node));
    case "contract":
      return contractAxes(node.left, node.right, node.over);
    case "gather":
      return gatherAxes(node.table, node.indices, node.axis);
    case "scatter": {
      const size = node.axes.find((a) => a.name === node.axis)?.size ?? 0;
      return scatterAxes(node.value, node.indices, { name: node.axis, size });
    }
    case "rename":
      return renameAxes(node.arg, node.from, node.to);
    case "attention":
      return attentionAxes(node);
    case "attention_grad":
      return attentionGradAxes(node);
    default:
      return node satisfies never;
  }
};

const axesProblem = (node: Node): string | null => {
  const names = axisNames(node.axes);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) return `axis ${repeated} occurs twice`;
  const empty = node.axes.find((a) => !Number.isInteger(a.size) || a.size < 1);
  if (empty !== undefined) return `axis ${empty.name} has size ${empty.size}`;
  try {
    const expected = expectedAxes(node);
    return sameAxes(expected, node.axes)
      ? null
      : `has axes ${describeAxes(node.axes)} where its operands give ${describeAxes(expected)}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

/** Integers are read by cast, gather, scatter and expand alone, and only as inputs. */
const readsIntegers = (node: Node, at: number): boolean =>
  node.op === "cast" ||
  ((node.op === "gather" || node.op === "scatter" || node.op === "expand") && at === 1);

const integerProblem = (node: Node): string | null => {
  for (const [at, operand] of operandsOf(node).entries()) {
    const integers = operand.op === "input" && operand.dtype === "u32";
    const allowed = readsIntegers(node, at);
    if (integers && !allowed) return `${node.op} reads integers`;
    if (!integers && allowed) return `${node.op} reads what is no integer input`;
  }
  return null;
};

const fieldProblem = (node: Node): string | null => {
  switch (node.op) {
    case "map":
      return node.args.length === arityOf(node.fn)
        ? null
        : `${node.fn} takes ${arityOf(node.fn)} arguments, not ${node.args.length}`;
    case "reduce":
      return node.over.length === 0 ? "reduces over nothing" : null;
    case "index":
      return node.axes.length === 1 ? null : "an index has one axis";
    case "shift": {
      const size = node.axes.find((a) => a.name === node.axis)?.size ?? 0;
      const within = Number.isInteger(node.by) && node.by >= 0 && node.by < size;
      return within ? null : `shift by ${node.by} along an axis of size ${size}`;
    }
    case "kth": {
      const size = node.arg.axes.find((a) => a.name === node.axis)?.size ?? 0;
      const within = Number.isInteger(node.k) && node.k >= 1 && node.k <= size;
      return within ? null : `number ${node.k} along an axis of size ${size}`;
    }
    default:
      return null;
  }
};

/** Operations only derived graphs hold, and those that must be gone before kernels are chosen. */
const stageProblem = (node: Node, stage: GraphStage): string | null => {
  const derived =
    node.op === "scatter" ||
    node.op === "attention_grad" ||
    (node.op === "attention" && node.part === "lse");
  if (stage === "built" && derived) return `${node.op} before differentiation`;
  return stage === "lowered" && node.op === "stop" ? "stop after differentiation" : null;
};

/** Operands have smaller ids than their users, which also rules out cycles. */
const orderProblem = (node: Node): string | null => {
  const late = operandsOf(node).find((n) => n.id >= node.id);
  return late === undefined ? null : `reads node ${late.id}, which does not come before it`;
};

/** Everything wrong with a graph at a stage; empty for a good one. */
export const verify = (graph: Graph, stage: GraphStage): readonly Problem[] => {
  const problems: Problem[] = [];
  const ids = new Map<number, Node>();
  for (const node of nodesOf(graph)) {
    const other = ids.get(node.id);
    ids.set(node.id, node);
    const found = [
      other === undefined ? null : `shares id ${node.id} with another node`,
      orderProblem(node),
      fieldProblem(node),
      axesProblem(node),
      integerProblem(node),
      stageProblem(node, stage),
    ];
    for (const message of found) if (message !== null) problems.push({ node, message });
  }
  return problems;
};
