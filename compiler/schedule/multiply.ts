/** A contraction as calls of the matrix product, piece by piece where an operand or the result is large. */
import { type MatmulPlaces, matmul } from "../../kernels/matmul.kernel.js";
import { type Box, boxesOf, slabOf, type Walked } from "../emit/pieces.js";
import type { Node } from "../ir/tensor.js";
import type { BoundCall } from "./attend.js";
import type { Buffers } from "./buffers.js";
import { type Product, productOf } from "./contraction.js";
import { BindingTooLarge } from "./storage.js";

type Contract = Extract<Node, { op: "contract" }>;

interface Walks {
  readonly a: Walked;
  readonly b: Walked;
  readonly c: Walked;
}

const walksOf = (product: Product): Walks => {
  const { batch, m, n, k, layout } = product;
  const sizes = { batch, m, n, k };
  const walked = (name: string, ...axes: (keyof typeof sizes)[]): Walked => ({
    name,
    axes: axes.map((axis) => ({ axis, size: sizes[axis] })),
  });
  return {
    a: layout === "tn" ? walked("a", "batch", "k", "m") : walked("a", "batch", "m", "k"),
    b: layout === "nt" ? walked("b", "batch", "n", "k") : walked("b", "batch", "k", "n"),
    c: walked("c", "batch", "m", "n"),
  };
};

/** Where the box's part of a matrix begins in the slab that is bound, and its strides. */
const placeOf = (tensor: Walked, box: Box): MatmulPlaces["a"] => {
  const [, rows, columns] = tensor.axes;
  const row = columns?.size ?? 1;
  const step = (rows?.size ?? 1) * row;
  const starts = tensor.axes.map(({ axis }) => box.get(axis ?? "")?.start ?? 0);
  const [batch = 0, first = 0, column = 0] = starts;
  return {
    offset: batch * step + first * row + column - slabOf(tensor, box).start,
    row,
    step,
  };
};

/** The calls of a contraction whose operands lie as `productOf` wants them. */
export const multiplyCalls = (
  buffers: Buffers,
  node: Contract,
  maxBinding: number,
): readonly BoundCall[] => {
  const product = productOf(node);
  if (product === null) throw new Error("a contraction's axes are not batch, left, right");
  const { layout, batch, m, n, k } = product;
  const walks = walksOf(product);
  const boxes = boxesOf([walks.a, walks.b, walks.c], maxBinding);
  if (boxes === null)
    throw new BindingTooLarge("a row of a matrix binds more than the adapter allows");
  return boxes.map((box) => {
    const length = (axis: string, whole: number): number => box.get(axis)?.length ?? whole;
    const slab = (tensor: Walked) => (box.size === 0 ? null : slabOf(tensor, box));
    const places = {
      a: placeOf(walks.a, box),
      b: placeOf(walks.b, box),
      c: placeOf(walks.c, box),
    };
    const sizes = { m: length("m", m), n: length("n", n), k: length("k", k) };
    const narrow = [node.left, node.right].some((side) => buffers.arithmeticOf(side) === "f16");
    const call = matmul({
      layout,
      batch: length("batch", batch),
      ...sizes,
      types: {
        a: buffers.dtypeOf(node.left),
        b: buffers.dtypeOf(node.right),
        arithmetic: narrow ? "f16" : "f32",
      },
      accumulate: buffers.accumulates(node) || (box.get("k")?.start ?? 0) > 0,
      ...(box.size === 0 ? {} : { places }),
    });
    return {
      call,
      label: `matmul ${layout} ${sizes.m}x${sizes.n}x${sizes.k}`,
      uses: [
        buffers.use(node.left, slab(walks.a)),
        buffers.use(node.right, slab(walks.b)),
        buffers.use(node, slab(walks.c)),
      ],
    };
  });
};
