/**
 * Matrix product C = A · B (+ C), of whole matrices or of pieces of them: f32, of operands that may be stored in 16 bits. In
 * f16 arithmetic both operands are rounded to f16 first, and their products are added up in f32.
 */
import { foldGroups, type KernelCall, sizeClass, type Variant } from "./kernel.js";
import { BROADCAST_WORKGROUP, broadcastGroups, broadcastWgsl } from "./matmul-broadcast.js";
import { columnsByFours, dots, plain, rowsByFours, WORKGROUP } from "./matmul-invocation.js";
import {
  type MatrixTile,
  matrixBytes,
  matrixFeature,
  matrixGroups,
  matrixWgsl,
  matrixWorkgroup,
} from "./matmul-matrix.js";
import {
  F32_OPERANDS,
  type Layout,
  type MatrixPlace,
  type OperandTypes,
  type Width,
} from "./matmul-params.js";
import {
  type SubgroupTile,
  subgroupGroups,
  subgroupWgsl,
  subgroupWorkgroup,
} from "./matmul-subgroup.js";
import {
  BROADCAST_TILE,
  EIGHT_LANES,
  fourLanes,
  matrixTilesOf,
  ROW_TILE,
  THIRTY_TWO_LANES,
  TILE,
  workgroupTilesOf,
} from "./matmul-tiles.js";
import {
  type WorkgroupTile,
  workgroupBytes,
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

/** WebGPU promises 16 KiB of memory to a workgroup. */
const memoryFeatures = (bytes: number): string[] =>
  bytes > 16384 ? [`workgroup-memory-${Math.ceil(bytes / 16384) * 16}KiB`] : [];

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

/** From so many on, sizes are alike to every schedule. */
const MOST_APART = 4096;

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
  const places = placesOf(spec);
  const packed = inFours(spec, places);
  const writtenInFours = packed && toFours(spec, places);
  const { size, depth, own } = tile;
  const fours = packed ? (writtenInFours ? " all in fours" : " in fours") : "";
  const name = `workgroup${size}x${size}x${depth} by ${own}${fours}`;
  return {
    name,
    wgsl: textOf(spec, name, () =>
      workgroupWgsl({ layout, tile, packed, writtenInFours, accumulate, types }),
    ),
    workgroup: [workgroupOf(tile), 1, 1],
    workgroups: foldGroups(workgroupTiles(tile, batch, m, n)),
    features: needs(spec, ...memoryFeatures(workgroupBytes(tile, types))),
  };
};

/** Whether an operand of 16 bits can be read in eights. Along k a strip's rows are short: fours are faster there. */
const inEights = (
  { layout, m, n }: MatmulSpec,
  place: MatrixPlace,
  operand: "a" | "b",
): boolean => {
  const along = operand === "a" ? (layout === "tn" ? m : null) : layout === "nt" ? null : n;
  return (
    along !== null && [place.offset, place.row, place.step, along].every((count) => count % 8 === 0)
  );
};

const WIDTH_NAMES = { "8": "eights", true: "fours", false: "ones" } as const;

/** The schedule of one tile for matrix units. */
export const byMatrix = (spec: MatmulSpec, tile: MatrixTile): Variant => {
  const { layout, accumulate, batch, m, n, k, types = F32_OPERANDS } = spec;
  const { shape, rows, columns, depth, down, across, known, ahead } = tile;
  const places = placesOf(spec);
  const fours = inFours(spec, places);
  const widthOf = (operand: "a" | "b"): Width =>
    types[operand] === "f16" && shape.type === "f16" && inEights(spec, places[operand], operand)
      ? 8
      : fours;
  const width = { a: widthOf("a"), b: widthOf("b") };
  const aligned = toFours(spec, places);
  const whole = {
    k: k % (ahead * depth) === 0,
    mn: known && aligned && m % (down * rows) === 0 && n % (across * columns) === 0,
  };
  const of = { layout, tile, width, whole, aligned, accumulate, types };
  const units = `${shape.m}x${shape.n}x${shape.k}${known ? " of 32 lanes" : ""}`;
  const read = `${WIDTH_NAMES[`${width.a}`]} and ${WIDTH_NAMES[`${width.b}`]}`;
  const ends = `${whole.k ? ", whole in k" : ""}${whole.mn ? ", whole" : aligned ? ", aligned" : ""}`;
  const name = `matrix${rows}x${columns}x${depth} ${ahead > 1 ? `${ahead} ahead ` : ""}${down} by ${across} of ${units}, ${read}${ends}`;
  return {
    name,
    wgsl: textOf(spec, name, () => matrixWgsl(of)),
    workgroup: [matrixWorkgroup(tile), 1, 1],
    workgroups: foldGroups(matrixGroups(tile, batch, m, n)),
    features: needs(
      spec,
      "subgroups",
      matrixFeature(shape),
      ...(known ? ["subgroups-of-32"] : []),
      ...memoryFeatures(matrixBytes(of)),
    ),
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
    ...fourLanes(layout, spec.m).map((tile) =>
      bySubgroup(spec, tile, fours, fours && toFours(spec, places)),
    ),
    ...workgroupTilesOf(types).map((tile) => byWorkgroup(spec, tile)),
    ...matrixTilesOf(types).map((tile) => byMatrix(spec, tile)),
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
    shape: `${layout}${inFours(spec, places) ? " in fours" : ""}${stored === "" ? "" : ` of ${stored}`}${computed} ${[m, n, k].map((size) => sizeClass(size, MOST_APART)).join(" x ")}`,
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
