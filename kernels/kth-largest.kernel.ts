/**
 * Where the k-th largest number of each row is, of equal ones the first before the others. Numbers are compared by their
 * bits in their order, and counted in integers, so that every schedule finds the same; those below 2^-126, which some
 * adapters take for 0, are 0.
 *
 * By radix: a workgroup a row, eight bits a round of the numbers and then of the places that hold the number found. By
 * bisection: an invocation a row, which narrows the bounds of the number by what of the row lies above three thresholds
 * between them. Atomics and barriers, which the first needs, are what costs on software adapters; reads side by side, which
 * the second lacks, are what counts on GPUs.
 */
import { foldGroups, type KernelCall, sizeClass } from "./kernel.js";

export interface KthLargestSpec {
  readonly rows: number;
  readonly columns: number;
  /** From 1 to `columns`. */
  readonly k: number;
  /** The elements of x's and out's bindings where the rows begin; default 0. */
  readonly bases?: { readonly x: number; readonly out: number };
}

/** Invocations of a row, and values of eight bits. */
const WORKERS = 256;

/** Rows of a workgroup by bisection. */
const ROWS = 8;

const HEAD = `struct Params { rows: u32, columns: u32, k: u32, at: u32, to: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

// Larger for larger numbers; both zeros and all that are too small to be normal are one.
fn ordered(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  if ((bits & 0x7f800000u) == 0u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}
`;

const RADIX = `${HEAD}
var<workgroup> counts: array<atomic<u32>, ${WORKERS}>;
// The next eight bits, and how many are still to pass among the keys that have them.
var<workgroup> chosen: vec2<u32>;

@compute @workgroup_size(${WORKERS})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = w.x + w.y * 65535u;
  if (row >= p.rows) { return; }
  let first = p.at + row * p.columns;
  var left = p.k;
  var number = 0u;
  var place = 0u;
  var known = 0u;
  // Four rounds find the number, four more the place of the one that is wanted among its equals.
  for (var round = 0u; round < 8u; round++) {
    let low = 24u - 8u * (round % 4u);
    if (round == 4u) { known = 0u; }
    atomicStore(&counts[l.x], 0u);
    workgroupBarrier();
    for (var i = l.x; i < p.columns; i += ${WORKERS}u) {
      let key = ordered(x[first + i]);
      if (round < 4u) {
        if ((key & known) == number) { atomicAdd(&counts[(key >> low) & 255u], 1u); }
      } else if (key == number && (~i & known) == place) {
        atomicAdd(&counts[(~i >> low) & 255u], 1u);
      }
    }
    workgroupBarrier();
    if (l.x == 0u) {
      var digit = 255u;
      var rest = left;
      while (digit > 0u && atomicLoad(&counts[digit]) < rest) {
        rest -= atomicLoad(&counts[digit]);
        digit--;
      }
      chosen = vec2<u32>(digit, rest);
    }
    let next = workgroupUniformLoad(&chosen);
    if (round < 4u) { number |= next.x << low; } else { place |= next.x << low; }
    left = next.y;
    known |= 255u << low;
  }
  if (l.x == 0u) { out[p.to + row] = f32(~place); }
}
`;

const BISECTION = `${HEAD}
@compute @workgroup_size(${ROWS})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = (w.x + w.y * 65535u) * ${ROWS}u + l.x;
  if (row >= p.rows) { return; }
  let first = p.at + row * p.columns;
  var low = 0xffffffffu;
  var high = 0u;
  for (var i = 0u; i < p.columns; i++) {
    let key = ordered(x[first + i]);
    low = min(low, key);
    high = max(high, key);
  }
  // Keys from low on, at least k; keys above high, fewer than k.
  var within = p.columns;
  var above = 0u;
  while (low < high && within > p.k) {
    let width = high - low;
    let a = low + (width >> 2u) + 1u;
    let b = low + (width >> 1u) + 1u;
    let c = b + (width >> 2u);
    var counts = vec3<u32>();
    for (var i = 0u; i < p.columns; i++) {
      let key = ordered(x[first + i]);
      counts += select(vec3<u32>(), vec3<u32>(1u), vec3<u32>(key) >= vec3<u32>(a, b, c));
    }
    let enough = counts >= vec3<u32>(p.k);
    if (enough.z) {
      low = c; within = counts.z;
    } else if (enough.y) {
      low = b; within = counts.y; high = c - 1u; above = counts.z;
    } else if (enough.x) {
      low = a; within = counts.x; high = b - 1u; above = counts.y;
    } else {
      high = a - 1u; above = counts.x;
    }
  }
  // Either low is the number, or it is the least of those from low on, and the last of its equals is the one that is wanted.
  let known = low == high;
  var number = select(0xffffffffu, low, known);
  var left = select(p.columns, p.k - above, known);
  var place = 0u;
  for (var i = 0u; i < p.columns; i++) {
    let key = ordered(x[first + i]);
    if (key >= low && key <= number && left > 0u) {
      number = key;
      place = i;
      left--;
    }
  }
  out[p.to + row] = f32(place);
}
`;

/** Operands x [rows, columns], out [rows]: places from 0, as numbers (exact below 2^24 columns). */
export const kthLargest = ({ rows, columns, k, bases }: KthLargestSpec): KernelCall => ({
  family: "k-th largest",
  shape: `c${sizeClass(columns, 1 << 18)} ${sizeClass(rows, 1 << 12)} rows`,
  operands: [
    { name: "x", access: "read" },
    { name: "out", access: "read_write" },
  ],
  params: [rows, columns, k, bases?.x ?? 0, bases?.out ?? 0, 0, 0, 0],
  variants: [
    {
      name: "radix",
      wgsl: RADIX,
      workgroup: [WORKERS, 1, 1],
      workgroups: foldGroups(rows),
      features: [],
    },
    {
      name: "bisection",
      wgsl: BISECTION,
      workgroup: [ROWS, 1, 1],
      workgroups: foldGroups(Math.ceil(rows / ROWS)),
      features: [],
    },
  ],
  flops: 0,
  bytes: 4 * rows * (columns + 1),
});

const LEAST_NORMAL = 2 ** -126;

/** The places by sorting each row. */
export const referenceKthLargest = (
  { rows, columns, k }: KthLargestSpec,
  x: ArrayLike<number>,
): Float64Array =>
  Float64Array.from({ length: rows }, (_, row) => {
    const value = (place: number): number => {
      const number = x[row * columns + place] ?? 0;
      return Math.abs(number) < LEAST_NORMAL ? 0 : number;
    };
    const order = (a: number, b: number): number => (a < b ? 1 : a > b ? -1 : 0);
    const places = Array.from({ length: columns }, (__, place) => place);
    return places.sort((a, b) => order(value(a), value(b)) || a - b)[k - 1] ?? 0;
  });
