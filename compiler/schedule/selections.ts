/** Selections along rows as calls of their kernels, rows in pieces where they are large together. */
import { compact } from "../../kernels/compact.kernel.js";
import { expand } from "../../kernels/expand.kernel.js";
import type { KernelCall } from "../../kernels/kernel.js";
import { kthLargest } from "../../kernels/kth-largest.kernel.js";
import { boxesOf, slabOf, type Walked } from "../emit/pieces.js";
import { type Node, sizeOf } from "../ir/tensor.js";
import type { BoundCall } from "./attend.js";
import type { Buffers } from "./buffers.js";
import { BindingTooLarge } from "./storage.js";

/** A tensor of rows of one length, or of one row that stands for all. */
interface Rows {
  readonly node: Node;
  readonly length: number;
  readonly shared?: boolean;
}

/** A kernel's calls on the rows of tensors, in as few pieces as their bindings allow. */
const callsOn = <Name extends string>(
  buffers: Buffers,
  label: string,
  rows: number,
  tensors: Readonly<Record<Name, Rows>>,
  maxBinding: number,
  callOf: (rows: number, bases: Readonly<Record<Name, number>>) => KernelCall,
): readonly BoundCall[] => {
  const entries = Object.entries<Rows>(tensors) as [Name, Rows][];
  const walked = entries.map(([name, { length, shared = false }]): Walked => {
    const row = { axis: null, size: length };
    return { name, axes: shared ? [row] : [{ axis: "rows", size: rows }, row] };
  });
  const boxes = boxesOf(walked, maxBinding);
  const longest = Math.max(...entries.map(([, { length }]) => length));
  if (boxes === null) throw new BindingTooLarge(`a row of ${longest} binds too many bytes`);
  return boxes.map((box): BoundCall => {
    const range = box.get("rows") ?? { start: 0, length: rows };
    const bound = entries.map(([name, { node, length, shared = false }], at) => {
      const tensor = walked[at];
      const slab = box.size === 0 || shared || tensor === undefined ? null : slabOf(tensor, box);
      const base = shared ? 0 : range.start * length - (slab?.start ?? 0);
      return { name, base, use: buffers.use(node, slab) };
    });
    const bases = Object.fromEntries(bound.map(({ name, base }) => [name, base]));
    return {
      call: callOf(range.length, bases as Record<Name, number>),
      label,
      uses: bound.map(({ use }) => use),
    };
  });
};

const lastSize = ({ axes }: Node): number => axes.at(-1)?.size ?? 1;

/** The place of each row's k-th largest. The argument's last axis is the one selected along. */
export const kthCalls = (
  buffers: Buffers,
  node: Extract<Node, { op: "kth" }>,
  maxBinding: number,
): readonly BoundCall[] => {
  const columns = lastSize(node.arg);
  const tensors = { x: { node: node.arg, length: columns }, out: { node, length: 1 } };
  return callsOn(buffers, "k-th largest", sizeOf(node.axes), tensors, maxBinding, (rows, bases) =>
    kthLargest({ rows, columns, k: node.k, bases }),
  );
};

/** The last axis of the mask is the one selected along. */
export const compactCalls = (
  buffers: Buffers,
  node: Extract<Node, { op: "compact" }>,
  maxBinding: number,
): readonly BoundCall[] => {
  const { arg, mask } = node;
  const [columns, count] = [lastSize(mask), lastSize(node)];
  const shared = arg.axes.length < mask.axes.length;
  const tensors = {
    mask: { node: mask, length: columns },
    x: { node: arg, length: columns, shared },
    out: { node, length: count },
  };
  const all = sizeOf(mask.axes) / columns;
  return callsOn(buffers, "compact", all, tensors, maxBinding, (rows, bases) =>
    compact({ rows, columns, count, shared, bases }),
  );
};

/** The last axis of what is given is the one that goes. */
export const expandCalls = (
  buffers: Buffers,
  node: Extract<Node, { op: "expand" }>,
  maxBinding: number,
): readonly BoundCall[] => {
  const [count, columns] = [lastSize(node.arg), lastSize(node)];
  const tensors = {
    x: { node: node.arg, length: count },
    places: { node: node.places, length: count },
    fill: { node: node.fill, length: 1 },
    out: { node, length: columns },
  };
  const all = sizeOf(node.axes) / columns;
  return callsOn(buffers, "expand", all, tensors, maxBinding, (rows, bases) =>
    expand({ rows, count, columns, bases }),
  );
};
