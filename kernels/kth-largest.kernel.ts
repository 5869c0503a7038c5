/**
 * Where the k-th largest number of each row is, of equal ones the first before the others: a radix selection, eight bits a
 * round, of the numbers' bits in their order and then of the places that hold the number found. Counts are of integers, so
 * that the order in which invocations add to them does not show. Numbers below 2^-126, which some adapters take for 0, are 0.
 */
import { foldGroups, type KernelCall } from "./kernel.js";

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

const WGSL = `struct Params { rows: u32, columns: u32, k: u32, at: u32, to: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

var<workgroup> counts: array<atomic<u32>, ${WORKERS}>;
// The next eight bits, and how many are still to pass among the keys that have them.
var<workgroup> chosen: vec2<u32>;

// Larger for larger numbers; both zeros and all that are too small to be normal are one.
fn ordered(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  if ((bits & 0x7f800000u) == 0u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

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

/** Operands x [rows, columns], out [rows]: places from 0, as numbers (exact below 2^24 columns). */
export const kthLargest = ({ rows, columns, k, bases }: KthLargestSpec): KernelCall => ({
  family: "k-th largest",
  shape: `c${columns}`,
  operands: [
    { name: "x", access: "read" },
    { name: "out", access: "read_write" },
  ],
  params: [rows, columns, k, bases?.x ?? 0, bases?.out ?? 0, 0, 0, 0],
  variants: [
    {
      name: "radix",
      wgsl: WGSL,
      workgroup: [WORKERS, 1, 1],
      workgroups: foldGroups(rows),
      features: [],
    },
  ],
  flops: 0,
  bytes: 4 * rows * (8 * columns + 1),
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
