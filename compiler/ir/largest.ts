/** Which places along an axis hold its largest numbers. */
import type { Builder } from "./build.js";
import type { Axis, Node } from "./tensor.js";

/** The least number of f32 that every adapter tells from 0. */
const LEAST_NORMAL = 2 ** -126;

/** 1 at the k largest along the axis, of equal ones the first, else 0: where the k-th is, and what comes before it. */
export const largestMask = (b: Builder, x: Node, along: Axis, k: number): Node => {
  const { name } = along;
  const [place, index] = [b.kth(x, name, k), b.index(along)];
  // As the k-th is found: comparisons of some adapters take for 0 what those of others do not.
  const small = b.binary("less", b.unary("abs", x), b.constant(LEAST_NORMAL));
  const number = b.select(small, b.constant(0), x);
  // A sum, as it may be −∞.
  const value = b.sum(b.select(b.binary("equal", place, index), number, b.constant(0)), [name]);
  const later = b.binary("less", place, index);
  const tied = b.select(later, b.constant(0), b.binary("equal", number, value));
  return b.stop(b.ordered(b.binary("max", b.binary("less", value, number), tied), x.axes));
};
