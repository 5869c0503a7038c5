/** The place of each row's k-th largest as calls of its kernel, rows in pieces where they are large together. */
import { kthLargest } from "../../kernels/kth-largest.kernel.js";
import { boxesOf, slabOf, type Walked } from "../emit/pieces.js";
import { type Node, sizeOf } from "../ir/tensor.js";
import type { BoundCall } from "./attend.js";
import type { Buffers } from "./buffers.js";
import { BindingTooLarge } from "./storage.js";

/** The argument's last axis is the one selected along. */
export const kthCalls = (
  buffers: Buffers,
  node: Extract<Node, { op: "kth" }>,
  maxBinding: number,
): readonly BoundCall[] => {
  const rows = sizeOf(node.axes);
  const columns = sizeOf(node.arg.axes) / rows;
  const row = { axis: "rows", size: rows };
  const x: Walked = { name: "x", axes: [row, { axis: null, size: columns }] };
  const out: Walked = { name: "out", axes: [row] };
  const boxes = boxesOf([x, out], maxBinding);
  if (boxes === null) throw new BindingTooLarge(`a row of ${columns} binds too many bytes`);
  return boxes.map((box): BoundCall => {
    const range = box.get("rows") ?? { start: 0, length: rows };
    const slab = (tensor: Walked) => (box.size === 0 ? null : slabOf(tensor, box));
    const bases = {
      x: range.start * columns - (slab(x)?.start ?? 0),
      out: range.start - (slab(out)?.start ?? 0),
    };
    return {
      call: kthLargest({ rows: range.length, columns, k: node.k, bases }),
      label: "k-th largest",
      uses: [buffers.use(node.arg, slab(x)), buffers.use(node, slab(out))],
    };
  });
};
