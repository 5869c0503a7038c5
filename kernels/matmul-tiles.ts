/**
 * The tiles of a matrix product that a tuner may choose from: a few that were the best of many on an adapter like the one
 * each is meant for, so that little is compiled. What a tile's kernel looks like is not known here.
 */
import type { MatrixShape, MatrixTile } from "./matmul-matrix.js";
import type { Layout, OperandTypes } from "./matmul-params.js";
import type { SubgroupTile } from "./matmul-subgroup.js";
import type { WorkgroupTile } from "./matmul-workgroup.js";
import type { Tile } from "./tile.js";

/** Of an invocation, for adapters without subgroups. */
export const TILE: Tile = { rows: 4, columns: 4 };
/** One row of A, as where a text goes on by a token: a taller tile would multiply what is not there. */
export const ROW_TILE: Tile = { rows: 1, columns: 4 };
/** Of an invocation, for subgroups of any size. */
export const BROADCAST_TILE: Tile = { rows: 8, columns: 4 };

/** For lavapipe: the best of the tiles that were tried. */
export const EIGHT_LANES: SubgroupTile = {
  lanes: 8,
  rows: 32,
  columns: 4,
  spread: "broadcast",
  sums: "array",
  order: "by row",
};

/**
 * For SwiftShader, a small tile and a large one, which does more multiply-adds a load. Which is faster depends on the
 * processor: the loop of the small one fits into 32 KB of instruction cache, that of the large one does not. A larger one
 * still is slower by half. Of the large one 24 rows are a tenth faster than 16, where the last tile does not waste as much,
 * and where A is not read in fours of rows.
 */
export const fourLanes = (layout: Layout, m: number): readonly SubgroupTile[] => {
  const padded = (rows: number): number => Math.ceil(m / rows) * rows;
  const rows = layout !== "tn" && padded(24) < 1.15 * padded(16) ? 24 : 16;
  const four = { lanes: 4, spread: "swap", sums: "variables", order: "by column" } as const;
  return [
    { ...four, rows: 16, columns: 4 },
    { ...four, rows, columns: 8 },
  ];
};

/** For GPUs with subgroups of 32. Sums of 64 a lane stay in registers. */
export const THIRTY_TWO_LANES: SubgroupTile = {
  lanes: 32,
  rows: 32,
  columns: 2,
  spread: "broadcast",
  sums: "variables",
  order: "by row",
};

/**
 * For GPUs: large tiles read least, small ones give a small product to more of the GPU's processors. A register tile of 8
 * by 8 does 16 multiply-adds a read of shared memory in fours, one of 4 by 4 eight. The deeper of the two largest is the
 * faster one on an H200, and needs more memory than every GPU has.
 */
const WORKGROUP_TILES: readonly WorkgroupTile[] = [
  { size: 64, depth: 16, own: 4 },
  { size: 128, depth: 16, own: 8 },
  { size: 128, depth: 8, own: 8 },
  { size: 32, depth: 16, own: 4 },
];

/** Strips of half the bytes are twice as deep. */
export const workgroupTilesOf = ({ arithmetic }: OperandTypes): readonly WorkgroupTile[] =>
  arithmetic === "f16"
    ? WORKGROUP_TILES.map((tile) => ({ ...tile, depth: 2 * tile.depth }))
    : WORKGROUP_TILES;

/** Of four subgroups, two below two, of any size, with one strip on its way; but for the rest. */
export const matrixTile = (
  shape: MatrixShape,
  [rows, columns, depth]: readonly [number, number, number],
  rest: Partial<Pick<MatrixTile, "known" | "ahead" | "across">> = {},
): MatrixTile => ({
  shape,
  rows,
  columns,
  depth,
  down: 2,
  across: 2,
  known: false,
  ahead: 1,
  ...rest,
});

const SIXTEEN: MatrixShape = { type: "f16", m: 16, n: 16, k: 16 };
const FAR = { known: true, ahead: 2 } as const;

/**
 * For the matrix units that makers have: NVIDIA's and AMD's of 16 × 16 × 16, Intel's of 8 × 16 × 16 and of 8 × 8 × 8 in f16,
 * Apple's of 8 × 8 × 8 in f32, which need nobody's leave. Units that add up in f16 are used by nothing here. The largest
 * tiles are those of subgroups known to have 32 lanes, a twentieth faster on an H200 than where their size is read. On an
 * H100 a strip of a large product takes a microsecond from memory, longer than the multiplications of one: so two are on
 * their way, which fit into registers as numbers of 16 bits only.
 */
const MATRIX_TILES: readonly MatrixTile[] = [
  matrixTile(SIXTEEN, [64, 64, 32], FAR),
  matrixTile(SIXTEEN, [64, 48, 32], FAR),
  matrixTile(SIXTEEN, [64, 64, 32], { ...FAR, across: 4 }),
  ...[
    SIXTEEN,
    { type: "f16", m: 8, n: 16, k: 16 } as const,
    { type: "f16", m: 8, n: 8, k: 8 } as const,
  ].flatMap((shape) => [
    matrixTile(shape, [64, 64, 32], { known: true }),
    matrixTile(shape, [32, 32, 32]),
    matrixTile(shape, [16, 32, 32]),
  ]),
  matrixTile({ type: "f32", m: 8, n: 8, k: 8 }, [32, 32, 16]),
  matrixTile({ type: "f32", m: 8, n: 8, k: 8 }, [16, 16, 16]),
];

export const matrixTilesOf = ({ a, b, arithmetic = "f32" }: OperandTypes): readonly MatrixTile[] =>
  MATRIX_TILES.filter(
    ({ shape, ahead }) =>
      shape.type === arithmetic && (ahead === 1 || (a !== "f32" && b !== "f32")),
  );
