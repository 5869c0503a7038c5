/**
 * Matrix product by the matrix units of a GPU, through Dawn's subgroup matrices (chromium_experimental_subgroup_matrix, of
 * which this file alone knows the spelling). An adapter lists the shapes that its units have (`MatrixShape`); a subgroup
 * owns `rows` × `columns` of C as results of that shape, and four subgroups stand one below the other. A workgroup fetches
 * strips of A and B, `depth` of k wide and as they lie in memory, into workgroup memory, rounded to the unit's type; past
 * k they are zero. Results leave through workgroup memory too, where each lane keeps to the edges of C and adds to what is
 * there. Sizes of subgroups are read, not assumed: where there are more than four in a workgroup the rest only fetch.
 */
import { type Layout, MATMUL_PARAMS, matmulBindings, type OperandTypes } from "./matmul-params.js";
import {
  alongStrips,
  BASES,
  four,
  type Strip,
  storedTypes,
  stripsOf,
  XYZW,
} from "./matmul-strips.js";
import type { Arithmetic } from "./operand.js";
import { range, type Tile } from "./tile.js";

/** What a unit multiplies: A of m × k by B of k × n, both of a type, into f32. */
export interface MatrixShape {
  readonly type: Arithmetic;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

export interface MatrixTile extends Tile {
  readonly shape: MatrixShape;
  /** Of k at once, a multiple of the shape's. */
  readonly depth: number;
}

export interface MatrixMatmul {
  readonly layout: Layout;
  readonly tile: MatrixTile;
  /** Operands are read in fours: offsets, strides and sizes are multiples of four. */
  readonly packed: boolean;
  readonly accumulate: boolean;
  readonly types: OperandTypes;
}

/** Invocations: Dawn wants a multiple of the most lanes that a subgroup may have, and WebGPU knows none with more. */
export const MATRIX_WORKGROUP = 128;
/** Subgroups that multiply, at most. */
const MOST = 4;

/** What an adapter must have for a shape, as the runtime names it. */
export const matrixFeature = ({ type, m, n, k }: MatrixShape): string =>
  `subgroup-matrix-${type}-${m}x${n}x${k}`;

/** Of a strip's rows 16 bytes are padding: rows must begin at multiples of 16, and neighbours should not share a bank. */
const padding = ({ shape }: MatrixTile): number => (shape.type === "f16" ? 8 : 4);

/** Rows or columns of C that a strip serves. */
const breadth = ({ rows, columns }: MatrixTile, { operand }: Strip): number =>
  operand === "a" ? MOST * rows : columns;

/** A strip's elements from one of its rows to the next; its rows lie as the operand's do. */
const strideOf = (tile: MatrixTile, strip: Strip): number =>
  (strip.alongK ? tile.depth : breadth(tile, strip)) + padding(tile);

const lengthOf = (tile: MatrixTile, strip: Strip): number =>
  (strip.alongK ? breadth(tile, strip) : tile.depth) * strideOf(tile, strip);

const nameOf = ({ operand }: Strip): string => `strip${operand.toUpperCase()}`;

const header = ({ layout, tile, packed, types }: MatrixMatmul): string => {
  const { shape } = tile;
  const strips = stripsOf(layout).map(
    (strip) => `var<workgroup> ${nameOf(strip)}: array<${shape.type}, ${lengthOf(tile, strip)}>;\n`,
  );
  return `enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
${MATMUL_PARAMS}
${matmulBindings(storedTypes(types), packed)}${strips.join("")}var<workgroup> results: array<f32, ${MOST * shape.m * shape.n}>;

@compute @workgroup_size(${MATRIX_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) own: u32,
        @builtin(subgroup_size) lanes: u32, @builtin(subgroup_invocation_id) lane: u32) {
`;
};

/** Which tile this workgroup owns: its height is that of the subgroups that it has. */
const owner = ({ rows, columns }: MatrixTile): string[] => [
  `let subgroups = min(${MOST}u, ${MATRIX_WORKGROUP}u / lanes);`,
  "let subgroup = own / lanes;",
  `let high = ${rows}u * subgroups;`,
  "let tilesM = (p.m + high - 1u) / high;",
  `let tilesN = (p.n + ${columns - 1}u) / ${columns}u;`,
  "let id = w.x + w.y * 65535u;",
  "let rest = id / tilesN;",
  "let batch = min(rest / tilesM, p.batch - 1u);",
  "let row = (rest - batch * tilesM) * high;",
  `let col = (id - rest * tilesN) * ${columns}u;`,
  "// None is left for this workgroup: it goes through no k, and stores nothing.",
  "let k = select(0u, p.k, id < p.batch * tilesM * tilesN);",
  ...BASES,
];

/** Four elements of a strip, side by side in the operand and in the strip. */
const fetchFour = (of: MatrixMatmul, strip: Strip): string[] => {
  const { tile } = of;
  const { type } = tile.shape;
  const across = (strip.alongK ? tile.depth : breadth(tile, strip)) / 4;
  const { axis, count } = strip;
  const place = strip.alongK
    ? [
        `let depth = step + 4u * inner;`,
        `let value = ${four(of, strip, [`min(${axis} + outer, p.${count} - 1u)`, "depth"])};`,
      ]
    : [
        "let depth = step + outer;",
        `let value = ${four(of, strip, [`(${axis} + 4u * inner)`, "min(depth, p.k - 1u)"])};`,
      ];
  return [
    `let outer = at / ${across}u;`,
    `let inner = at - outer * ${across}u;`,
    ...place,
    `let to = outer * ${strideOf(tile, strip)}u + 4u * inner;`,
    ...range(4).map((q) => {
      const past = strip.alongK ? `depth + ${q}u < p.k` : "depth < p.k";
      return `${nameOf(strip)}[to + ${q}u] = ${type}(select(0.0, value.${XYZW[q]}, ${past}));`;
    }),
  ];
};

const fetch = (of: MatrixMatmul, strip: Strip): string[] => {
  const pieces = (breadth(of.tile, strip) * of.tile.depth) / 4;
  return [
    `for (var at = own; at < ${pieces}u; at += ${MATRIX_WORKGROUP}u) {`,
    ...fetchFour(of, strip).map((line) => `  ${line}`),
    "}",
  ];
};

const countsOf = ({ rows, columns, shape }: MatrixTile) => ({
  down: range(rows / shape.m),
  across: range(columns / shape.n),
});

/** A matrix of the shape from a strip: of A from row `along` of C on, of B from column `along` on, from `k` of the strip on. */
const load = (tile: MatrixTile, strip: Strip, along: string, k: number): string => {
  const { type, m, n, k: depth } = tile.shape;
  const stride = strideOf(tile, strip);
  const kind =
    strip.operand === "a"
      ? `subgroup_matrix_left<${type}, ${depth}, ${m}>`
      : `subgroup_matrix_right<${type}, ${n}, ${depth}>`;
  // Rows of A are along C, rows of B along k.
  const order = strip.alongK === (strip.operand === "a") ? "row_major" : "col_major";
  const offset = strip.alongK ? `(${along}) * ${stride}u + ${k}u` : `${k * stride}u + ${along}`;
  return `subgroupMatrixLoad<${kind}, ${order}>(&${nameOf(strip)}, ${offset}, ${stride}u)`;
};

const multiply = ({ layout, tile }: MatrixMatmul): string[] => {
  const { rows, depth, shape } = tile;
  const { down, across } = countsOf(tile);
  const [a, b] = stripsOf(layout);
  return [
    "if (subgroup < subgroups) {",
    ...range(depth / shape.k).flatMap((i) => [
      ...down.map(
        (r) =>
          `  let x${i}_${r} = ${load(tile, a, `${rows}u * subgroup + ${r * shape.m}u`, i * shape.k)};`,
      ),
      ...across.flatMap((c) => [
        `  let y${i}_${c} = ${load(tile, b, `${c * shape.n}u`, i * shape.k)};`,
        ...down.map(
          (r) =>
            `  s${r}_${c} = subgroupMatrixMultiplyAccumulate(x${i}_${r}, y${i}_${c}, s${r}_${c});`,
        ),
      ]),
    ]),
    "}",
  ];
};

const store = ({ tile, accumulate }: MatrixMatmul): string[] => {
  const { rows, shape } = tile;
  const { down, across } = countsOf(tile);
  const size = shape.m * shape.n;
  return down.flatMap((r) =>
    across.flatMap((c) => [
      "if (subgroup < subgroups) {",
      `  subgroupMatrixStore<row_major>(&results, subgroup * ${size}u, s${r}_${c}, ${shape.n}u);`,
      "}",
      "workgroupBarrier();",
      "if (subgroup < subgroups && k > 0u) {",
      `  for (var at = lane; at < ${size}u; at += lanes) {`,
      `    let i = row + ${rows}u * subgroup + ${r * shape.m}u + at / ${shape.n}u;`,
      `    let j = col + ${c * shape.n}u + at % ${shape.n}u;`,
      "    if (i < p.m && j < p.n) {",
      `      c[baseC + i * p.ldc + j] ${accumulate ? "+=" : "="} results[subgroup * ${size}u + at];`,
      "    }",
      "  }",
      "}",
      "workgroupBarrier();",
    ]),
  );
};

export const matrixWgsl = (of: MatrixMatmul): string => {
  const { tile, layout } = of;
  const { shape } = tile;
  const { down, across } = countsOf(tile);
  const result = `subgroup_matrix_result<f32, ${shape.n}, ${shape.m}>`;
  const lines = [
    ...owner(tile),
    ...down.flatMap((r) => across.map((c) => `var s${r}_${c}: ${result};`)),
    ...alongStrips(
      "k",
      tile.depth,
      stripsOf(layout).flatMap((strip) => fetch(of, strip)),
      multiply(of),
    ),
    ...store(of),
  ];
  return `${header(of)}${lines.map((line) => `  ${line}`).join("\n")}\n}\n`;
};

/** Workgroups that are enough however many subgroups each has. */
export const matrixGroups = (
  { rows, columns }: MatrixTile,
  batch: number,
  m: number,
  n: number,
): number =>
  Math.max(
    ...[1, 2, MOST].map(
      (subgroups) => batch * Math.ceil(m / (rows * subgroups)) * Math.ceil(n / columns),
    ),
  );
