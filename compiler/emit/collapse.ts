/**
 * Runs of axes that every tensor of a kernel holds side by side, or not at all: they are indexed as one, which saves the
 * divisions that would take their index apart.
 */
import type { Axis, Node } from "../ir/tensor.js";
import { operandsOf } from "../ir/traverse.js";
import type { Box } from "./pieces.js";

/** Axes that a kernel needs by themselves, and the axis orders of the tensors it touches. */
interface Touched {
  readonly alone: ReadonlySet<string>;
  readonly orders: readonly (readonly string[])[];
}

const touchedBy = (root: Node, isStored: (node: Node) => boolean): Touched => {
  const alone = new Set<string>();
  const orders: string[][] = [root.axes.map((axis) => axis.name)];
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (node !== root && isStored(node)) {
      orders.push(node.axes.map((axis) => axis.name));
      return;
    }
    if (node.op === "index") for (const axis of node.axes) alone.add(axis.name);
    if (node.op === "rename") [node.from, node.to].forEach((name) => void alone.add(name));
    if (node.op === "shift" || node.op === "gather") alone.add(node.axis);
    for (const operand of operandsOf(node)) visit(operand);
  };
  visit(root);
  return { alone, orders };
};

const sideBySide = ({ alone, orders }: Touched, first: string, second: string): boolean =>
  !alone.has(first) &&
  !alone.has(second) &&
  orders.every((order) => {
    const at = order.indexOf(first);
    return at < 0 ? !order.includes(second) : order[at + 1] === second;
  });

/** The runs of a list of axes. Axes that the box cuts stay alone. */
export const collapse = (
  root: Node,
  isStored: (node: Node) => boolean,
  cut: Box,
): ((axes: readonly Axis[]) => readonly (readonly Axis[])[]) => {
  const found = touchedBy(root, isStored);
  const touched = { ...found, alone: new Set([...found.alone, ...cut.keys()]) };
  return (axes) => {
    const runs: Axis[][] = [];
    for (const axis of axes) {
      const run = runs.at(-1);
      const last = run?.at(-1);
      if (run !== undefined && last !== undefined && sideBySide(touched, last.name, axis.name))
        run.push(axis);
      else runs.push([axis]);
    }
    return runs;
  };
};
