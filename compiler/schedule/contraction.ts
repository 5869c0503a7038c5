/** A contraction as a matrix product: its axes sorted into batch, m, n and k, and the layout its operands already have. */
import { type Axis, type Node, sizeOf } from "../ir/tensor.js";

type Contract = Extract<Node, { op: "contract" }>;

export interface Product {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly layout: "nn" | "nt" | "tn";
  /** Axis orders in which the operands must be stored; the operand is copied where it is stored otherwise. */
  readonly leftOrder: readonly string[];
  readonly rightOrder: readonly string[];
}

const names = (axes: readonly Axis[]): string[] => axes.map((axis) => axis.name);

const starts = (order: readonly string[], parts: readonly (readonly string[])[]): boolean =>
  order.join(" ") === parts.flat().join(" ");

/** The product whose result has the contraction's own axis order: batch, m (left only), n (right only). */
export const productOf = (node: Contract): Product | null => {
  const [left, right] = [node.left.axes, node.right.axes];
  const has = (axes: readonly Axis[], name: string): boolean =>
    axes.some((axis) => axis.name === name);
  const contracted = left.filter((axis) => node.over.includes(axis.name));
  const batch = left.filter((axis) => !node.over.includes(axis.name) && has(right, axis.name));
  const m = left.filter((axis) => !node.over.includes(axis.name) && !has(right, axis.name));
  const n = right.filter((axis) => !has(left, axis.name));
  if (!starts(names(node.axes), [names(batch), names(m), names(n)])) return null;
  const [b, rows, columns] = [names(batch), names(m), names(n)];
  const [leftNames, rightNames] = [names(left), names(right)];
  // Contracted axes may run in either operand's order.
  const orders = [names(contracted), rightNames.filter((name) => node.over.includes(name))];
  const sizes = { batch: sizeOf(batch), m: sizeOf(m), n: sizeOf(n), k: sizeOf(contracted) };
  for (const k of orders) {
    const plainLeft = starts(leftNames, [b, rows, k]);
    const turnedLeft = starts(leftNames, [b, k, rows]);
    const plainRight = starts(rightNames, [b, k, columns]);
    const turnedRight = starts(rightNames, [b, columns, k]);
    const found = (layout: Product["layout"]): Product => ({
      ...sizes,
      layout,
      leftOrder: leftNames,
      rightOrder: rightNames,
    });
    if (plainLeft && turnedRight) return found("nt");
    if (plainLeft && plainRight) return found("nn");
    if (turnedLeft && plainRight) return found("tn");
  }
  const [k = []] = orders;
  return {
    ...sizes,
    layout: "nt",
    leftOrder: [...b, ...rows, ...k],
    rightOrder: [...b, ...columns, ...k],
  };
};
