/**
 * Of each row the entries at the first places that a mask marks, in order, side by side: an invocation counts those of its
 * stretch of the row, and writes them from where the stretches before it end. 0 where the mask marks too few.
 */
import { foldGroups, type KernelCall } from "./kernel.js";

export interface CompactSpec {
  readonly rows: number;
  readonly columns: number;
  /** Entries of a row of the result. */
  readonly count: number;
  /** Whether x is one row for all rows of the mask. */
  readonly shared: boolean;
  /** The elements of the bindings of mask, x and out where the rows begin; default 0. */
  readonly bases?: { readonly mask: number; readonly x: number; readonly out: number };
}

/** Invocations of a row. */
const WORKERS = 256;

const WGSL = `struct Params { rows: u32, columns: u32, count: u32, stride: u32, marks: u32, at: u32, to: u32, u0: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> mask: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> starts: array<u32, ${WORKERS}>;
var<workgroup> marked: u32;

@compute @workgroup_size(${WORKERS})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = w.x + w.y * 65535u;
  if (row >= p.rows) { return; }
  let length = (p.columns + ${WORKERS - 1}u) / ${WORKERS}u;
  let first = min(l.x * length, p.columns);
  let last = min(first + length, p.columns);
  let marks = p.marks + row * p.columns;
  var own = 0u;
  for (var i = first; i < last; i++) {
    if (mask[marks + i] != 0.0) { own++; }
  }
  starts[l.x] = own;
  workgroupBarrier();
  if (l.x == 0u) {
    var sum = 0u;
    for (var i = 0u; i < ${WORKERS}u; i++) {
      let here = starts[i];
      starts[i] = sum;
      sum += here;
    }
    marked = sum;
  }
  workgroupBarrier();
  let to = p.to + row * p.count;
  var next = starts[l.x];
  for (var i = first; i < last && next < p.count; i++) {
    if (mask[marks + i] != 0.0) {
      out[to + next] = x[p.at + row * p.stride + i];
      next++;
    }
  }
  for (var i = marked + l.x; i < p.count; i += ${WORKERS}u) { out[to + i] = 0.0; }
}
`;

/** Operands mask [rows, columns], x [rows, columns] or [columns], out [rows, count]. */
export const compact = ({ rows, columns, count, shared, bases }: CompactSpec): KernelCall => ({
  family: "compact",
  shape: `c${columns}`,
  operands: [
    { name: "mask", access: "read" },
    { name: "x", access: "read" },
    { name: "out", access: "read_write" },
  ],
  params: [
    rows,
    columns,
    count,
    shared ? 0 : columns,
    bases?.mask ?? 0,
    bases?.x ?? 0,
    bases?.out ?? 0,
    0,
  ],
  variants: [
    {
      name: "stretches",
      wgsl: WGSL,
      workgroup: [WORKERS, 1, 1],
      workgroups: foldGroups(rows),
      features: [],
    },
  ],
  flops: 0,
  bytes: 4 * rows * (2 * columns + 2 * count),
});

/** One entry after the other. */
export const referenceCompact = (
  { rows, columns, count, shared }: CompactSpec,
  mask: ArrayLike<number>,
  x: ArrayLike<number>,
): Float64Array => {
  const out = new Float64Array(rows * count);
  for (let row = 0; row < rows; row++) {
    let next = 0;
    for (let place = 0; place < columns && next < count; place++)
      if (mask[row * columns + place] !== 0)
        out[row * count + next++] = x[(shared ? 0 : row * columns) + place] ?? 0;
  }
  return out;
};
