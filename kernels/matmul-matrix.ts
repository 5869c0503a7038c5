/**
 * Matrix product by the matrix units of a GPU, through Dawn's subgroup matrices (chromium_experimental_subgroup_matrix, of
 * which this file alone knows the spelling). An adapter lists the shapes that its units have (`MatrixShape`); a subgroup
 * owns `rows` × `columns` of C as results of that shape, and `down` × `across` of them are a workgroup, which fetches
 * strips of A and B, `depth` of k wide and as they lie in memory, into workgroup memory, rounded to the unit's type; past
 * k they are zero. A tile that lies within C is stored by the units, which start from what is there where it is added to;
 * others leave through workgroup memory, where each lane keeps to the edges of C. Sizes of subgroups are read, not
 * assumed: where there are more in a workgroup the rest only fetch, and where there are fewer the tile is less high.
 */

import {
  fetchOf,
  lengthOf,
  type MatrixStrip,
  nameOf,
  strideOf,
  type Whole,
} from "./matmul-matrix-strips.js";
import {
  type Layout,
  MATMUL_PARAMS,
  matmulBindings,
  type OperandTypes,
  type Width,
} from "./matmul-params.js";
import { alongStripsAhead, ownedTile, storedTypes, stripsOf } from "./matmul-strips.js";
import { type Arithmetic, DTYPE_BYTES } from "./operand.js";
import { range, type Tile } from "./tile.js";
import { indented, when } from "./wgsl-block.js";

/** What a unit multiplies: A of m × k by B of k × n, both of a type, into f32. */
export interface MatrixShape {
  readonly type: Arithmetic;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Rows and columns are a subgroup's. */
export interface MatrixTile extends Tile {
  readonly shape: MatrixShape;
  /** Of k at once, a multiple of the shape's. */
  readonly depth: number;
  /** Subgroups of 32 in a workgroup, one below the other and side by side. */
  readonly down: number;
  readonly across: number;
  /** Whether subgroups are known to have 32 lanes; else their size is read. */
  readonly known: boolean;
  /** Strips of each operand that are on their way at once. */
  readonly ahead: 1 | 2;
}

export interface MatrixMatmul {
  readonly layout: Layout;
  readonly tile: MatrixTile;
  /** How operands are read. */
  readonly width: Readonly<Record<"a" | "b", Width>>;
  /** Both dimensions of C only where rows are `aligned` and the size of subgroups is known, as edges are left out then. */
  readonly whole: Whole;
  /** Rows of C begin at multiples of four elements, so that units may store them. */
  readonly aligned: boolean;
  readonly accumulate: boolean;
  readonly types: OperandTypes;
}

const subgroupsOf = ({ down, across }: MatrixTile): number => down * across;

/** Invocations: Dawn wants a multiple of the most lanes that a subgroup may have, and WebGPU knows none with more than 128. */
export const matrixWorkgroup = (tile: MatrixTile): number => Math.max(128, 32 * subgroupsOf(tile));

/** What an adapter must have for a shape, as the runtime names it. */
export const matrixFeature = ({ type, m, n, k }: MatrixShape): string =>
  `subgroup-matrix-${type}-${m}x${n}x${k}`;

/** The strips of A and B. */
const stripsFor = ({
  layout,
  tile,
  width,
  types,
  whole,
}: MatrixMatmul): [MatrixStrip, MatrixStrip] => {
  const { rows, columns, depth, down, across, shape } = tile;
  const [a, b] = stripsOf(layout);
  const invocations = matrixWorkgroup(tile);
  const shared = { types, type: shape.type, depth, whole, invocations };
  return [
    { ...shared, strip: a, width: width.a, breadth: down * rows },
    { ...shared, strip: b, width: width.b, breadth: across * columns },
  ];
};

/** Of what leaves through workgroup memory, for tiles that do not lie within C. */
const resultsLength = ({ tile, whole }: MatrixMatmul): number =>
  whole.mn ? 0 : subgroupsOf(tile) * tile.shape.m * tile.shape.n;

/** Memory that a workgroup needs, in bytes. */
export const matrixBytes = (of: MatrixMatmul): number => {
  const { shape } = of.tile;
  const strips = stripsFor(of).reduce((sum, strip) => sum + lengthOf(strip), 0);
  return DTYPE_BYTES[shape.type] * strips + 4 * resultsLength(of);
};

const header = (of: MatrixMatmul): string => {
  const { tile, width, types } = of;
  const { shape } = tile;
  const strips = stripsFor(of).map(
    (strip) => `var<workgroup> ${nameOf(strip)}: array<${shape.type}, ${lengthOf(strip)}>;\n`,
  );
  const length = resultsLength(of);
  const results = length > 0 ? `var<workgroup> results: array<f32, ${length}>;\n` : "";
  return `enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
${MATMUL_PARAMS}
${matmulBindings(storedTypes(types), width)}${strips.join("")}${results}
@compute @workgroup_size(${matrixWorkgroup(tile)})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) own: u32,
        @builtin(subgroup_size) lanes: u32, @builtin(subgroup_invocation_id) lane: u32) {
`;
};

/** Which tile this workgroup owns: its height is that of the subgroups that it has. */
const owner = (tile: MatrixTile): string[] => {
  const { rows, columns, down, across, known } = tile;
  return [
    `let subgroup = own / ${known ? "32u" : "lanes"};`,
    known
      ? `let below = ${down}u;`
      : `let below = min(${down}u, ${matrixWorkgroup(tile)}u / lanes / ${across}u);`,
    `let busy = ${known ? "true" : `subgroup < ${across}u * below`};`,
    ...ownedTile(`(${rows}u * below)`, `${columns * across}u`),
    `let ownRow = ${rows}u * (subgroup / ${across}u);`,
    `let ownCol = ${columns}u * (subgroup % ${across}u);`,
    "// None is left for this workgroup: it goes through no k, and stores nothing.",
    "let end = select(0u, p.k, left);",
  ];
};

const countsOf = ({ rows, columns, shape }: MatrixTile) => ({
  down: range(rows / shape.m),
  across: range(columns / shape.n),
});

/** A matrix of the shape from a strip: of A from row `along` of C on, of B from column `along` on, from `k` of the strip on. */
const load = (shape: MatrixShape, of: MatrixStrip, along: string, k: number): string => {
  const { type, m, n, k: depth } = shape;
  const { operand, alongK } = of.strip;
  const stride = strideOf(of);
  const kind =
    operand === "a"
      ? `subgroup_matrix_left<${type}, ${depth}, ${m}>`
      : `subgroup_matrix_right<${type}, ${n}, ${depth}>`;
  // Rows of A are along C, rows of B along k.
  const order = alongK === (operand === "a") ? "row_major" : "col_major";
  const offset = alongK ? `(${along}) * ${stride}u + ${k}u` : `${k * stride}u + ${along}`;
  return `subgroupMatrixLoad<${kind}, ${order}>(&${nameOf(of)}, ${offset}, ${stride}u)`;
};

const multiply = (of: MatrixMatmul): string[] => {
  const { depth, shape } = of.tile;
  const { down, across } = countsOf(of.tile);
  const [a, b] = stripsFor(of);
  return [
    "if (busy) {",
    ...range(depth / shape.k).flatMap((i) => [
      ...down.map(
        (r) => `  let x${i}_${r} = ${load(shape, a, `ownRow + ${r * shape.m}u`, i * shape.k)};`,
      ),
      ...across.flatMap((c) => [
        `  let y${i}_${c} = ${load(shape, b, `ownCol + ${c * shape.n}u`, i * shape.k)};`,
        ...down.map(
          (r) =>
            `  s${r}_${c} = subgroupMatrixMultiplyAccumulate(x${i}_${r}, y${i}_${c}, s${r}_${c});`,
        ),
      ]),
    ]),
    "}",
  ];
};

const each = (tile: MatrixTile, line: (r: number, c: number) => readonly string[]): string[] => {
  const { down, across } = countsOf(tile);
  return down.flatMap((r) => across.flatMap((c) => line(r, c)));
};

/** Where a result of a subgroup's begins in C. */
const place = ({ shape }: MatrixTile, r: number, c: number): string =>
  `baseC + (row + ownRow + ${r * shape.m}u) * p.ldc + col + ownCol + ${c * shape.n}u`;

const storeWhole = (tile: MatrixTile): string[] =>
  each(tile, (r, c) => [
    `subgroupMatrixStore<row_major>(&c, ${place(tile, r, c)}, s${r}_${c}, p.ldc);`,
  ]);

const storeWithin = ({ tile, accumulate }: MatrixMatmul): string[] => {
  const { shape } = tile;
  const size = shape.m * shape.n;
  return each(tile, (r, c) => [
    "if (busy) {",
    `  subgroupMatrixStore<row_major>(&results, subgroup * ${size}u, s${r}_${c}, ${shape.n}u);`,
    "}",
    "workgroupBarrier();",
    "if (busy && left) {",
    `  for (var at = lane; at < ${size}u; at += lanes) {`,
    `    let i = row + ownRow + ${r * shape.m}u + at / ${shape.n}u;`,
    `    let j = col + ownCol + ${c * shape.n}u + at % ${shape.n}u;`,
    "    if (i < p.m && j < p.n) {",
    `      c[baseC + i * p.ldc + j] ${accumulate ? "+=" : "="} results[subgroup * ${size}u + at];`,
    "    }",
    "  }",
    "}",
    "workgroupBarrier();",
  ]);
};

/** Results begin with what is in C, where units store them. */
const begin = (tile: MatrixTile, result: string): string[] =>
  when(
    "whole && busy",
    each(tile, (r, c) => [
      `s${r}_${c} = subgroupMatrixLoad<${result}, row_major>(&c, ${place(tile, r, c)}, p.ldc);`,
    ]),
  );

const storeAll = (of: MatrixMatmul): string[] => {
  const byUnits = when("whole && busy", storeWhole(of.tile));
  if (!of.aligned) return storeWithin(of);
  return of.whole.mn ? byUnits : [...byUnits, ...when("!whole", storeWithin(of))];
};

export const matrixWgsl = (of: MatrixMatmul): string => {
  const { tile, aligned, accumulate, whole } = of;
  const { shape, rows, columns, across } = tile;
  const result = `subgroup_matrix_result<f32, ${shape.n}, ${shape.m}>`;
  const within = `row + ${rows}u * below <= p.m && col + ${columns * across}u <= p.n`;
  const lines = [
    ...owner(tile),
    ...each(tile, (r, c) => [`var s${r}_${c}: ${result};`]),
    ...(aligned ? [`let whole = left${whole.mn ? "" : ` && ${within}`};`] : []),
    ...(aligned && accumulate ? begin(tile, result) : []),
    ...alongStripsAhead({
      end: "end",
      depth: tile.depth,
      whole: whole.k,
      sets: range(tile.ahead).map((set) => stripsFor(of).map((strip) => fetchOf(strip, set))),
      multiply: multiply(of),
    }),
    ...storeAll(of),
  ];
  return `${header(of)}${indented(lines).join("\n")}\n}\n`;
};

/** Workgroups that are enough however many subgroups each has. */
export const matrixGroups = (tile: MatrixTile, batch: number, m: number, n: number): number => {
  const { rows, columns, down, across } = tile;
  const below = range(down).map((fewer) => fewer + 1);
  return Math.max(
    ...below.map(
      (high) => batch * Math.ceil(m / (rows * high)) * Math.ceil(n / (columns * across)),
    ),
  );
};
