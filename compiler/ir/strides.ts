/** Offsets of row-major tensors, precomputed so that the interpreter's loops only look them up. */
import { type Axis, sizeOf } from "./tensor.js";

/** The stride of each axis of `axes` by name. */
export const stridesOf = (axes: readonly Axis[]): ReadonlyMap<string, number> => {
  const strides = new Map<string, number>();
  let stride = 1;
  for (const axis of axes.toReversed()) {
    strides.set(axis.name, stride);
    stride *= axis.size;
  }
  return strides;
};

/** For each place of `loop`, row-major: the offset into a tensor with these `strides`; axes without one do not move it. */
export const offsets = (
  loop: readonly Axis[],
  strides: ReadonlyMap<string, number>,
): Int32Array => {
  const table = new Int32Array(sizeOf(loop));
  let filled = 1;
  // From the innermost axis out: what is filled so far repeats, moved by the axis's stride.
  for (const axis of loop.toReversed()) {
    const stride = strides.get(axis.name) ?? 0;
    for (let i = 1; i < axis.size; i++)
      for (let j = 0; j < filled; j++) table[i * filled + j] = (table[j] ?? 0) + i * stride;
    filled *= axis.size;
  }
  return table;
};

/** Offsets into a tensor of `axes` for each place of `loop`. */
export const offsetsInto = (loop: readonly Axis[], axes: readonly Axis[]): Int32Array =>
  offsets(loop, stridesOf(axes));
