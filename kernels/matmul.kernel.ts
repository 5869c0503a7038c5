/**
 * Matrix product C = A · B (+ C), of whole matrices or of pieces of them: f32, of operands that may be stored in 16 bits. In
 * f16 arithmetic both operands are rounded to f16 first, and their products are added up in f32.
 */
import { foldGroups, type KernelCall, sizeClass, type Variant } from "./kernel.js";
import { BROADCAST_WORKGROUP, broadcastGroups, broadcastWgsl } from "./matmul-broadcast.js";
import { columnsByFours, dots, plain, rowsByFours, WORKGROUP } from "./matmul-invocation.js";
import {
  MATRIX_WORKGROUP,
  type MatrixTile,
  matrixFeature,
  matrixGroups,
  matrixWgsl,
} from "./matmul-matrix.js";
import { F32_OPERANDS, type Layout, type MatrixPlace, type OperandTypes } from "./matmul-params.js";
import {
  type SubgroupTile,
  subgroupGroups,
  subgroupWgsl,
  subgroupWorkgroup,
} from "./matmul-subgroup.js";
import {
  type WorkgroupTile,
  workgroupOf,
  workgroupTiles,
  workgroupWgsl,
} from "./matmul-workgroup.js";
import { DTYPE_BYTES } from "./operand.js";
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
  /** What the operands are stored in, and what they are multiplied in; default: f32. */
  readonly types?: OperandTypes;
}

export interface MatmulPlaces {
  readonly a: MatrixPlace;
  readonly b: MatrixPlace;
  readonly c: MatrixPlace;
}

const texts = new Map<string, string>();

/** The text of a schedule by its name: a plan asks for the same few hundreds of times. */
const textOf = (spec: MatmulSpec, name: string, make: () => string): string => {
  const { layout, accumulate, types = F32_OPERANDS } = spec;
  const { a, b, arithmetic = "f32" } = types;
  const key = `${name} ${layout} ${a} ${b} in ${arithmetic}${accumulate ? " added" : ""}`;
  const text = texts.get(key) ?? `${arithmetic === "f16" ? "enable f16;\n" : ""}${make()}`;
  texts.set(key, text);
  return text;
};

/** What a schedule needs of an adapter, besides what the arithmetic needs. */
const needs = ({ types = F32_OPERANDS }: MatmulSpec, ...features: string[]): readonly string[] => [
  ...features,
  ...(types.arithmetic === "f16" ? ["shader-f16"] : []),
];

const variant = (
  spec: MatmulSpec,
  name: string,
  tile: Tile,
  make: () => string,
): Variant & { readonly tile: Tile } => {
  const tiles = spec.batch * Math.ceil(spec.m / tile.rows) * Math.ceil(spec.n / tile.columns);
  return {
    name,
    wgsl: textOf(spec, name, make),
    workgroup: [WORKGROUP, 1, 1],
    workgroups: foldGroups(Math.ceil(tiles / WORKGROUP)),
    features: needs(spec),
    tile,
  };
};

const TILE: Tile = { rows: 4, columns: 4 };
/** One row of A, as where a text goes on by a token: a taller tile would multiply what is not there. */
const ROW_TILE: Tile = { rows: 1, columns: 4 };
const BROADCAST_TILE: Tile = { rows: 8, columns: 4 };

const broadcast = (spec: MatmulSpec): Variant => {
  const { layout, batch, m, n, types = F32_OPERANDS } = spec;
  const name = `broadcast${BROADCAST_TILE.rows}x${BROADCAST_TILE.columns}`;
  return {
    name,
    wgsl: textOf(spec, name, () => broadcastWgsl(layout, BROADCAST_TILE, types)),
    workgroup: [BROADCAST_WORKGROUP, 1, 1],
    workgroups: foldGroups(broadcastGroups(BROADCAST_TILE, batch, m, n)),
    features: needs(spec, "subgroups"),
  };
};

/** For lavapipe: the best of the tiles that were tried. */
const EIGHT_LANES: SubgroupTile = {
  lanes: 8,
  rows: 32,
  columns: 4,
  spread: "broadcast",
  sums: "array",
  order: "by row",
};

/**
 * For SwiftShader, likewise: one larger is slower by half, as its text is more than a processor keeps at hand. More rows
 * are a tenth faster, where the last tile does not waste as much, and where A is not read in fours of rows.
 */
const fourLanes = ({ layout, m }: MatmulSpec): SubgroupTile => {
  const padded = (rows: number): number => Math.ceil(m / rows) * rows;
  const rows = layout !== "tn" && padded(24) < 1.15 * padded(16) ? 24 : 16;
  return { lanes: 4, rows, columns: 8, spread: "swap", sums: "variables", order: "by column" };
};

/** For subgroups of 32, as NVIDIA's are; not measured yet. Sums of 64 a lane stay in registers. */
const THIRTY_TWO_LANES: SubgroupTile = {
  lanes: 32,
  rows: 32,
  columns: 2,
  spread: "broadcast",
  sums: "variables",
  order: "by row",
};

const bySubgroup = (
  spec: MatmulSpec,
  tile: SubgroupTile,
  packed: boolean,
  writtenInFours: boolean,
): Variant => {
  const { layout, accumulate, batch, m, n, types = F32_OPERANDS } = spec;
  const fours = packed ? (writtenInFours ? " all in fours" : " in fours") : "";
  const name = `subgroup${tile.rows}x${tile.columns} of ${tile.lanes} lanes${fours}`;
  return {
    name,
    wgsl: textOf(spec, name, () =>
      subgroupWgsl({ layout, tile, packed, writtenInFours, accumulate, types }),
    ),
    workgroup: [subgroupWorkgroup(tile), 1, 1],
    workgroups: foldGroups(subgroupGroups(tile, batch, m, n)),
    features: needs(spec, "subgroups", `subgroups-of-${tile.lanes}`),
  };
};

/**
 * For GPUs: large tiles read least, small ones give a small product to more of the GPU's processors. A register tile of 8
 * by 8 does 16 multiply-adds a read of shared memory in fours, one of 4 by 4 eight.
 */
const WORKGROUP_TILES: readonly WorkgroupTile[] = [
  { size: 64, depth: 16, own: 4 },
  { size: 128, depth: 8, own: 8 },
  { size: 32, depth: 16, own: 4 },
];

/**
 * For the matrix units that makers have: NVIDIA's and AMD's of 16 × 16 × 16, Intel's of 8 × 16 × 16 and of 8 × 8 × 8 in f16,
 * Apple's of 8 × 8 × 8 in f32, which need nobody's leave. Units that add up in f16 are used by nothing here.
 */
const MATRIX_TILES: readonly MatrixTile[] = [
  ...[
    { type: "f16", m: 16, n: 16, k: 16 } as const,
    { type: "f16", m: 8, n: 16, k: 16 } as const,
    { type: "f16", m: 8, n: 8, k: 8 } as const,
  ].flatMap((shape) => [
    { shape, rows: 32, columns: 64, depth: 16 },
    { shape, rows: 16, columns: 32, depth: 32 },
  ]),
  { shape: { type: "f32", m: 8, n: 8, k: 8 }, rows: 32, columns: 32, depth: 16 },
  { shape: { type: "f32", m: 8, n: 8, k: 8 }, rows: 16, columns: 16, depth: 16 },
];

/** Strips of half the bytes are twice as deep. */
const workgroupTilesOf = ({ arithmetic }: OperandTypes): readonly WorkgroupTile[] =>
  arithmetic === "f16"
    ? WORKGROUP_TILES.map((tile) => ({ ...tile, depth: 2 * tile.depth }))
    : WORKGROUP_TILES;

const wholePlaces = ({ m, n, k, layout }: MatmulSpec): MatmulPlaces => ({
  a: { offset: 0, row: layout === "tn" ? m : k, step: m * k },
  b: { offset: 0, row: layout === "nt" ? k : n, step: n * k },
  c: { offset: 0, row: n, step: m * n },
});

const placesOf = (spec: MatmulSpec): MatmulPlaces => spec.places ?? wholePlaces(spec);

/** Whether all that is read lies in fours. */
const inFours = ({ layout, m, n, k }: MatmulSpec, { a, b }: MatmulPlaces): boolean => {
  const places = [a, b].flatMap(({ offset, row, step }) => [offset, row, step]);
  const sizes = { nt: [k], nn: [k, n], tn: [m, n] }[layout];
  return [...places, ...sizes].every((count) => count % 4 === 0);
};

/** Whether the result can be written in fours. */
const toFours = ({ n }: MatmulSpec, { c }: MatmulPlaces): boolean =>
  [n, c.offset, c.row, c.step].every((count) => count % 4 === 0);

/** The schedule of one such tile. */
export const byWorkgroup = (spec: MatmulSpec, tile: WorkgroupTile): Variant => {
  const { layout, accumulate, batch, m, n, types = F32_OPERANDS } = spec;
  const packed = inFours(spec, placesOf(spec));
  const name = `workgroup${tile.size}x${tile.size}${packed ? " in fours" : ""}`;
  return {
    name,
    wgsl: textOf(spec, name, () => workgroupWgsl({ layout, tile, packed, accumulate, types })),
    workgroup: [workgroupOf(tile), 1, 1],
    workgroups: foldGroups(workgroupTiles(tile, batch, m, n)),
    features: needs(spec),
  };
};

/** The schedule of one tile for matrix units. */
export const byMatrix = (spec: MatmulSpec, tile: MatrixTile): Variant => {
  const { layout, accumulate, batch, m, n, types = F32_OPERANDS } = spec;
  const { shape, rows, columns } = tile;
  const packed = inFours(spec, placesOf(spec));
  const name = `matrix${rows}x${columns} of ${shape.m}x${shape.n}x${shape.k}${packed ? " in fours" : ""}`;
  return {
    name,
    wgsl: textOf(spec, name, () => matrixWgsl({ layout, tile, packed, accumulate, types })),
    workgroup: [MATRIX_WORKGROUP, 1, 1],
    workgroups: foldGroups(matrixGroups(tile, batch, m, n)),
    features: needs(spec, "subgroups", matrixFeature(shape)),
  };
};

/**
 * By subgroups of a known size, which is what software adapters have; by tiles in workgroup memory, for GPUs, and by their matrix units; by
 * subgroups of any size; else a tile for each invocation.
 */
const schedules = (spec: MatmulSpec, places: MatmulPlaces): Variant[] => {
  const { layout, types = F32_OPERANDS } = spec;
  const fours = inFours(spec, places);
  const packed = { nt: dots, nn: rowsByFours, tn: columnsByFours }[layout];
  const tile = spec.m === 1 ? ROW_TILE : TILE;
  const invocations = fours
    ? variant(spec, spec.m === 1 ? "row packed" : "packed", tile, () => packed(tile, types))
    : variant(spec, spec.m === 1 ? "row" : "plain", tile, () => plain(layout, tile, types));
  if (spec.m === 1) return [invocations];
  return [
    bySubgroup(spec, EIGHT_LANES, fours, false),
    bySubgroup(spec, fourLanes(spec), fours, fours && toFours(spec, places)),
    ...workgroupTilesOf(types).map((tile) => byWorkgroup(spec, tile)),
    ...MATRIX_TILES.filter(({ shape }) => shape.type === (types.arithmetic ?? "f32")).map((tile) =>
      byMatrix(spec, tile),
    ),
    bySubgroup(spec, THIRTY_TWO_LANES, fours && layout === "nt", false),
    broadcast(spec),
    invocations,
  ];
};

/** Operands a, b, c. */
export const matmul = (spec: MatmulSpec): KernelCall => {
  const places = placesOf(spec);
  const { a, b, c } = places;
  const { batch, m, n, k, layout, types = F32_OPERANDS } = spec;
  const stored = [types.a, types.b].filter((type) => type !== "f32").join(" and ");
  const computed = types.arithmetic === "f16" ? " in f16" : "";
  const tilesN = Math.ceil(n / TILE.columns);
  const tiles = batch * Math.ceil(m / TILE.rows) * tilesN;
  return {
    family: "matmul",
    shape: `${layout}${inFours(spec, places) ? " in fours" : ""}${stored === "" ? "" : ` of ${stored}`}${computed} ${[m, n, k].map((size) => sizeClass(size, 1024)).join(" x ")}`,
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
    bytes: batch * (DTYPE_BYTES[types.a] * m * k + DTYPE_BYTES[types.b] * k * n + 4 * m * n),
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
