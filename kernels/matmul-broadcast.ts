/**
 * Matrix product by subgroup broadcast. A subgroup owns `rows` rows and `columns` columns a lane: lanes run along n, so
 * that B is read once per lane, and each of four lanes reads one element of A, which the subgroup then shares. What pays
 * on software adapters is multiply-adds per load (SwiftShader 512³: 4.2 GFLOP/s a core, 2.5 without the broadcast).
 * Works for every subgroup size from 4 on; sizes need not be multiples of anything.
 */
import {
  type Layout,
  MATMUL_PARAMS,
  matmulBindings,
  type OperandTypes,
  readFrom,
} from "./matmul-params.js";
import { range, type Tile } from "./tile.js";

export const BROADCAST_WORKGROUP = 64;

/** Lanes that share elements of A. */
const SHARED = 4;

const header = (types: OperandTypes): string => `enable subgroups;
diagnostic(off, subgroup_uniformity);
${MATMUL_PARAMS}
${matmulBindings(types, false)}
@compute @workgroup_size(${BROADCAST_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32) {
`;

/** Which tile this subgroup owns. Rows and columns past the edge are clamped when loading, dropped when storing. */
const owner = ({ rows, columns }: Tile, layout: Layout): string[] => [
  `let id = (w.x + w.y * 65535u) * (${BROADCAST_WORKGROUP}u / lanes) + l.x / lanes;`,
  `let tilesM = (p.m + ${rows - 1}u) / ${rows}u;`,
  `let tilesN = (p.n + ${columns}u * lanes - 1u) / (${columns}u * lanes);`,
  "if (id >= p.batch * tilesM * tilesN) { return; }",
  "let tile = id % tilesN;",
  "let rest = id / tilesN;",
  "let batch = rest / tilesM;",
  `let row = (rest - batch * tilesM) * ${rows}u;`,
  `let col = tile * ${columns}u * lanes + lane;`,
  `let quarter = lane % ${SHARED}u;`,
  "let baseA = p.offA + batch * p.stepA;",
  "let baseB = p.offB + batch * p.stepB;",
  "let baseC = p.offC + batch * p.stepC;",
  ...(layout === "tn"
    ? range(rows / SHARED).map(
        (g) => `let a${g} = baseA + min(row + ${g * SHARED}u + quarter, p.m - 1u);`,
      )
    : range(rows).map((r) => `let a${r} = baseA + min(row + ${r}u, p.m - 1u) * p.lda;`)),
  ...range(columns).map((c) => {
    const column = `min(col + ${c}u * lanes, p.n - 1u)`;
    return `let b${c} = baseB + ${layout === "nt" ? `${column} * p.ldb` : column};`;
  }),
];

type Read = ReturnType<typeof readFrom>;

const loadB = (read: Read, layout: Layout, columns: number, tag: string, k: string): string[] =>
  range(columns).map((c) => {
    const at = layout === "nt" ? `b${c} + ${k}` : `b${c} + (${k}) * p.ldb`;
    return `let y${tag}${c} = ${read("b", at)};`;
  });

const multiply = (row: number, columns: number, tag: string, value: string): string[] => [
  `let x${tag}${row} = ${value};`,
  ...range(columns).map((c) => `s${row}_${c} = fma(x${tag}${row}, y${tag}${c}, s${row}_${c});`),
];

/** A along k: one load of a row gives four k. */
const alongK = (read: Read, { rows, columns }: Tile, layout: Layout): string[] => [
  "var i = 0u;",
  `for (; i + ${SHARED}u <= p.k; i += ${SHARED}u) {`,
  ...range(rows).map((r) => `let x${r} = ${read("a", `a${r} + i + quarter`)};`),
  ...range(SHARED).flatMap((q) => [
    ...loadB(read, layout, columns, `${q}_`, `i + ${q}u`),
    ...range(rows).flatMap((r) => multiply(r, columns, `${q}_`, `subgroupBroadcast(x${r}, ${q}u)`)),
  ]),
  "}",
  "for (; i < p.k; i++) {",
  ...loadB(read, layout, columns, "t_", "i"),
  ...range(rows).flatMap((r) => multiply(r, columns, "t_", read("a", `a${r} + i`))),
  "}",
];

/** A along m: one load of a k gives four rows. */
const alongM = (read: Read, { rows, columns }: Tile): string[] => {
  const one = (tag: string, k: string): string[] => [
    ...range(rows / SHARED).map(
      (g) => `let x${tag}g${g} = ${read("a", `a${g} + (${k}) * p.lda`)};`,
    ),
    ...loadB(read, "tn", columns, tag, k),
    ...range(rows).flatMap((r) =>
      multiply(
        r,
        columns,
        tag,
        `subgroupBroadcast(x${tag}g${Math.floor(r / SHARED)}, ${r % SHARED}u)`,
      ),
    ),
  ];
  return [
    "var i = 0u;",
    "for (; i + 2u <= p.k; i += 2u) {",
    ...one("0_", "i"),
    ...one("1_", "i + 1u"),
    "}",
    "if (i < p.k) {",
    ...one("t_", "i"),
    "}",
  ];
};

const store = ({ rows, columns }: Tile): string[] =>
  range(rows).flatMap((r) => [
    `if (row + ${r}u < p.m) {`,
    `let out${r} = baseC + (row + ${r}u) * p.ldc;`,
    ...range(columns).map((c) => {
      const at = `out${r} + col + ${c}u * lanes`;
      return `if (col + ${c}u * lanes < p.n) { c[${at}] = s${r}_${c} + select(0.0, c[${at}], p.add != 0u); }`;
    }),
    "}",
  ]);

export const broadcastWgsl = (layout: Layout, tile: Tile, types: OperandTypes): string => {
  const read = readFrom(types, false);
  const lines = [
    ...owner(tile, layout),
    ...range(tile.rows).flatMap((r) => range(tile.columns).map((c) => `var s${r}_${c} = 0.0;`)),
    ...(layout === "tn" ? alongM(read, tile) : alongK(read, tile, layout)),
    ...store(tile),
  ];
  return `${header(types)}${lines.map((line) => `  ${line}`).join("\n")}\n}\n`;
};

/** Workgroups that are enough for every subgroup size. */
export const broadcastGroups = (
  { rows, columns }: Tile,
  batch: number,
  m: number,
  n: number,
): number => {
  const tilesM = Math.ceil(m / rows);
  const groups = [4, 8, 16, 32, 64].map((lanes) =>
    Math.ceil((batch * tilesM * Math.ceil(n / (columns * lanes)) * lanes) / BROADCAST_WORKGROUP),
  );
  return Math.max(...groups);
};
