/**
 * Rows of which a few entries are given with their places, and all others are one number of the row: a workgroup fills a
 * row, then puts the entries in. Places of a row differ, so that no two invocations write to one.
 */
import { foldGroups, type KernelCall } from "./kernel.js";

export interface ExpandSpec {
  readonly rows: number;
  /** Entries given of each row. */
  readonly count: number;
  readonly columns: number;
  /** The elements of the bindings where the rows begin; default 0. */
  readonly bases?: {
    readonly x: number;
    readonly places: number;
    readonly fill: number;
    readonly out: number;
  };
}

/** Invocations of a row. */
const WORKERS = 256;

const WGSL = `struct Params { rows: u32, count: u32, columns: u32, at: u32, places: u32, fill: u32, to: u32, u0: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> places: array<u32>;
@group(0) @binding(3) var<storage, read> fill: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(${WORKERS})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = w.x + w.y * 65535u;
  if (row >= p.rows) { return; }
  let to = p.to + row * p.columns;
  let other = fill[p.fill + row];
  for (var i = l.x; i < p.columns; i += ${WORKERS}u) { out[to + i] = other; }
  storageBarrier();
  for (var i = l.x; i < p.count; i += ${WORKERS}u) {
    let place = places[p.places + row * p.count + i];
    if (place < p.columns) { out[to + place] = x[p.at + row * p.count + i]; }
  }
}
`;

/** Operands x and places (u32) [rows, count], fill [rows], out [rows, columns]. */
export const expand = ({ rows, count, columns, bases }: ExpandSpec): KernelCall => ({
  family: "expand",
  shape: `c${columns}`,
  operands: [
    { name: "x", access: "read" },
    { name: "places", access: "read" },
    { name: "fill", access: "read" },
    { name: "out", access: "read_write" },
  ],
  params: [
    rows,
    count,
    columns,
    bases?.x ?? 0,
    bases?.places ?? 0,
    bases?.fill ?? 0,
    bases?.out ?? 0,
    0,
  ],
  variants: [
    {
      name: "fill",
      wgsl: WGSL,
      workgroup: [WORKERS, 1, 1],
      workgroups: foldGroups(rows),
      features: [],
    },
  ],
  flops: 0,
  bytes: 4 * rows * (columns + 3 * count + 1),
});

export const referenceExpand = (
  { rows, count, columns }: ExpandSpec,
  x: ArrayLike<number>,
  places: ArrayLike<number>,
  fill: ArrayLike<number>,
): Float64Array => {
  const out = Float64Array.from(
    { length: rows * columns },
    (_, at) => fill[Math.floor(at / columns)] ?? 0,
  );
  for (let at = 0; at < rows * count; at++)
    out[Math.floor(at / count) * columns + (places[at] ?? 0)] = x[at] ?? 0;
  return out;
};
