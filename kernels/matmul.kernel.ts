/** Matrix product C = A · B (+ C), f32, of whole matrices or of pieces of them. */
import { foldGroups, type KernelCall, sizeClass, type Variant } from "./kernel.js";
import { BROADCAST_WORKGROUP, broadcastGroups, broadcastWgsl } from "./matmul-broadcast.js";
import { columnsByFours, dots, plain, rowsByFours, WORKGROUP } from "./matmul-invocation.js";
import type { Layout, MatrixPlace } from "./matmul-params.js";
import {
  SUBGROUP_WORKGROUP,
  type SubgroupTile,
  subgroupGroups,
  subgroupWgsl,
} from "./matmul-subgroup.js";
import type { Tile } from "./tile.js";

export interface MatmulSpec {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly layout: Layout;
  /** Add to C instead of replacing it. */
  readonly accumulate: boolean;
  /** Where the matrices lie in their bindings; default: each alone and whole. */
  readonly places?: MatmulPlaces;
}

export interface MatmulPlaces {
  readonly a: MatrixPlace;
  readonly b: MatrixPlace;
  readonly c: MatrixPlace;
}

const variant = (
  spec: MatmulSpec,
  name: string,
  tile: Tile,
  wgsl: string,
): Variant & { readonly tile: Tile } => {
  const tiles = spec.batch * Math.ceil(spec.m / tile.rows) * Math.ceil(spec.n / tile.columns);
  return {
    name,
    wgsl,
    workgroup: [WORKGROUP, 1, 1],
    workgroups: foldGroups(Math.ceil(tiles / WORKGROUP)),
    features: [],
    tile,
  };
};

const TILE: Tile = { rows: 4, columns: 4 };
const BROADCAST_TILE: Tile = { rows: 8, columns: 4 };

const broadcast = ({ layout, batch, m, n }: MatmulSpec): Variant => ({
  name: `broadcast${BROADCAST_TILE.rows}x${BROADCAST_TILE.columns}`,
  wgsl: broadcastWgsl(layout, BROADCAST_TILE),
  workgroup: [BROADCAST_WORKGROUP, 1, 1],
  workgroups: foldGroups(broadcastGroups(BROADCAST_TILE, batch, m, n)),
  features: ["subgroups"],
});

/** For lavapipe: the best of the tiles that were tried. */
const EIGHT_LANES: SubgroupTile = {
  lanes: 8,
  rows: 32,
  columns: 4,
  spread: "broadcast",
  sums: "array",
};

/**
 * For SwiftShader, likewise: one larger is slower by half, as its text is more than a processor keeps at hand. More rows
 * are a tenth faster, where the last tile does not waste as much.
 */
const fourLanes = ({ layout, m }: MatmulSpec): SubgroupTile => {
  const padded = (rows: number): number => Math.ceil(m / rows) * rows;
  const rows = layout === "nt" && padded(24) < 1.1 * padded(16) ? 24 : 16;
  return { lanes: 4, rows, columns: 8, spread: "swap", sums: "variables" };
};

const bySubgroup = (
  { layout, accumulate, batch, m, n }: MatmulSpec,
  tile: SubgroupTile,
  packed: boolean,
): Variant => ({
  name: `subgroup${tile.rows}x${tile.columns} of ${tile.lanes} lanes${packed ? " in fours" : ""}`,
  wgsl: subgroupWgsl({ layout, tile, packed, accumulate }),
  workgroup: [SUBGROUP_WORKGROUP, 1, 1],
  workgroups: foldGroups(subgroupGroups(tile, batch, m, n)),
  features: ["subgroups", `subgroups-of-${tile.lanes}`],
});

/** Whether all that is read lies in fours. */
const inFours = ({ layout, m, n, k }: MatmulSpec, { a, b }: MatmulPlaces): boolean => {
  const places = [a, b].flatMap(({ offset, row, step }) => [offset, row, step]);
  const sizes = { nt: [k], nn: [k, n], tn: [m, n] }[layout];
  return [...places, ...sizes].every((count) => count % 4 === 0);
};

/** By subgroups where there are any, of a known size if it is one that is known; else a tile for each invocation. */
const schedules = (spec: MatmulSpec, places: MatmulPlaces): Variant[] => {
  const { layout } = spec;
  const fours = inFours(spec, places);
  const packed = { nt: dots, nn: rowsByFours, tn: columnsByFours }[layout];
  const invocations = fours
    ? variant(spec, "packed", TILE, packed(TILE))
    : variant(spec, "plain", TILE, plain(layout, TILE));
  return [
    ...[EIGHT_LANES, fourLanes(spec)].map((tile) => bySubgroup(spec, tile, fours)),
    broadcast(spec),
    invocations,
  ];
};

const wholePlaces = ({ m, n, k, layout }: MatmulSpec): MatmulPlaces => ({
  a: { offset: 0, row: layout === "tn" ? m : k, step: m * k },
  b: { offset: 0, row: layout === "nt" ? k : n, step: n * k },
  c: { offset: 0, row: n, step: m * n },
});

/** Operands a, b, c. */
export const matmul = (spec: MatmulSpec): KernelCall => {
  const places = spec.places ?? wholePlaces(spec);
  const { a, b, c } = places;
  const { batch, m, n, k, layout } = spec;
  const tilesN = Math.ceil(n / TILE.columns);
  const tiles = batch * Math.ceil(m / TILE.rows) * tilesN;
  return {
    family: "matmul",
    shape: `${layout}${inFours(spec, places) ? " in fours" : ""} ${[m, n, k].map((size) => sizeClass(size, 1024)).join(" x ")}`,
    operands: [
      { name: "a", access: "read" },
      { name: "b", access: "read" },
      { name: "c", access: "read_write" },
    ],
    params: [
      ...[m, n, k, batch, tilesN, tiles, spec.accumulate ? 1 : 0, 0],
      ...[a.row, b.row, c.row, a.offset, b.offset, c.offset, a.step, b.step, c.step, 0, 0, 0],
    ],
    variants: schedules(spec, places),
    flops: 2 * batch * m * n * k,
    bytes: 4 * batch * (m * k + k * n + m * n),
  };
};

/** The product in float64. */
export const referenceMatmul = (
  spec: MatmulSpec,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  c: ArrayLike<number>,
): Float64Array => {
  const { batch, m, n, k, layout } = spec;
  const out = new Float64Array(batch * m * n);
  for (let z = 0; z < batch; z++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = spec.accumulate ? (c[(z * m + i) * n + j] ?? 0) : 0;
        for (let l = 0; l < k; l++) {
          const x = a[layout === "tn" ? (z * k + l) * m + i : (z * m + i) * k + l] ?? 0;
          const y = b[layout === "nt" ? (z * n + j) * k + l : (z * k + l) * n + j] ?? 0;
          sum += x * y;
        }
        out[(z * m + i) * n + j] = sum;
      }
  return out;
};
