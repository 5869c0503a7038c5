/**
 * Matrix product by subgroups of a known size. A subgroup owns `rows` rows and `columns` columns a lane: lanes run along
 * n for B, along m for A, so that one load serves as many multiply-adds as the tile has rows (B) or columns (A). What a
 * lane loads of A the others get through the subgroup. Loads are what costs on software adapters: one of 4 lanes takes
 * SwiftShader some 25 cycles, one of 8 lanes lavapipe 30, against 2 and 0.5 of a multiply-add.
 */
import {
  type Layout,
  MATMUL_PARAMS,
  matmulBindings,
  type OperandTypes,
  readFrom,
} from "./matmul-params.js";
import { range, type Tile } from "./tile.js";

export interface SubgroupTile extends Tile {
  readonly lanes: 4 | 8 | 32;
  /** How A goes round: from one lane to all, or lanes swapped in their quad, where each lane then has another row. */
  readonly spread: "broadcast" | "swap";
  /** Where sums stay between steps along k: each a variable, or an array that is indexed once, so that it is memory. */
  readonly sums: "variables" | "array";
  /**
   * Multiply-adds row by row, or column by column, between the loads of B: SwiftShader writes a factor back to memory at
   * each use but the last before a load, so that a row's factor should be used once between two of them.
   */
  readonly order: "by row" | "by column";
}

export interface SubgroupMatmul {
  readonly layout: Layout;
  readonly tile: SubgroupTile;
  /** Operands are read in fours: offsets, strides and sizes are multiples of four. */
  readonly packed: boolean;
  /**
   * C is written in fours, likewise: SwiftShader works out where a binding lies at each access, which is a third of one,
   * and the text of all the stores is more than a processor keeps at hand.
   */
  readonly writtenInFours: boolean;
  readonly accumulate: boolean;
  readonly types: OperandTypes;
}

/** Steps along k at once; with the sums in memory or in phis, each step costs a load and a store of all of them. */
const UNROLL = 4;

/** One or two subgroups: small products must still be shared out to all cores. */
export const subgroupWorkgroup = ({ lanes }: SubgroupTile): number => Math.max(8, lanes);

const XYZW = "xyzw";

const header = ({
  packed,
  writtenInFours,
  tile,
  types,
}: SubgroupMatmul): string => `enable subgroups;
diagnostic(off, subgroup_uniformity);
${MATMUL_PARAMS}
${matmulBindings(types, packed, writtenInFours)}
@compute @workgroup_size(${subgroupWorkgroup(tile)})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32) {
`;

/** The lane whose element of A comes `step` places on. */
const lender = ({ spread }: SubgroupTile, step: string): string =>
  spread === "swap" ? `(lane ^ ${step})` : step;

const lent = ({ spread }: SubgroupTile, value: string, step: number): string => {
  if (spread === "broadcast") return `subgroupBroadcast(${value}, ${step}u)`;
  const swap = ["", "quadSwapX", "quadSwapY", "quadSwapDiagonal"][step] ?? "";
  return `${swap}(${value})`;
};

/** Fours of A lie along k, where rows do, or along m. */
const rowsInFours = ({ layout, packed }: SubgroupMatmul): boolean => packed && layout === "tn";
const columnsInFours = ({ layout, packed }: SubgroupMatmul): boolean => packed && layout !== "nt";
/** Whether a lane's columns lie side by side in fours. */
const columnsTogether = (of: SubgroupMatmul): boolean => of.writtenInFours || columnsInFours(of);

/** Rows come in groups of one a lane. The row, from the tile's first, that lane `from` holds of a group. */
const rowOf = (of: SubgroupMatmul, group: number, from: string): string => {
  const { lanes } = of.tile;
  return rowsInFours(of)
    ? `${(group >> 2) * 4 * lanes + (group & 3)}u + 4u * ${from}`
    : `${group * lanes}u + ${from}`;
};

const columnOf = (of: SubgroupMatmul, column: number): string => {
  const { lanes } = of.tile;
  return columnsTogether(of)
    ? `${(column >> 2) * 4 * lanes + (column & 3)}u + 4u * lane`
    : `${column * lanes}u + lane`;
};

const groupsOf = ({ rows, lanes }: SubgroupTile): number => rows / lanes;

/** Which tile this subgroup owns, and where its operands begin. What is past the edge is clamped, and not stored. */
const owner = (of: SubgroupMatmul): string[] => {
  const { layout, packed, tile } = of;
  const { rows, columns, lanes } = tile;
  const width = columns * lanes;
  const [fourths, fours] = packed ? [" / 4u", 4] : ["", 1];
  const last = (size: string, inFours: boolean) => `p.${size} - ${inFours ? 4 : 1}u`;
  const rowStep = rowsInFours(of) ? 4 : 1;
  const columnStep = columnsInFours(of) ? 4 : 1;
  return [
    `let id = (w.x + w.y * 65535u) * ${subgroupWorkgroup(tile) / lanes}u + l.x / ${lanes}u;`,
    `let tilesM = (p.m + ${rows - 1}u) / ${rows}u;`,
    `let tilesN = (p.n + ${width - 1}u) / ${width}u;`,
    "if (id >= p.batch * tilesM * tilesN) { return; }",
    "let tile = id % tilesN;",
    "let rest = id / tilesN;",
    "let batch = rest / tilesM;",
    `let row = (rest - batch * tilesM) * ${rows}u;`,
    `let col = tile * ${width}u;`,
    `let lda = p.lda${fourths};`,
    `let ldb = p.ldb${fourths};`,
    `let baseA = (p.offA + batch * p.stepA)${fourths};`,
    `let baseB = (p.offB + batch * p.stepB)${fourths};`,
    "let baseC = p.offC + batch * p.stepC;",
    ...range(groupsOf(tile) / rowStep).map((g) => {
      const at = `min(row + ${rowOf(of, g * rowStep, "lane")}, ${last("m", rowStep === 4)})`;
      return `let a${g} = baseA + ${layout === "tn" ? `${at} / ${fours}u` : `${at} * lda`};`;
    }),
    ...range(columns / columnStep).map((f) => {
      const at = `min(col + ${columnOf(of, f * columnStep)}, ${last("n", columnStep === 4)})`;
      return `let b${f} = baseB + ${layout === "nt" ? `${at} * ldb` : `${at} / ${fours}u`};`;
    }),
  ];
};

/** Loads of `steps` steps along k from `i` on, in parts; x${q}_${g} and y${q}_${c} are the values of step q. */
const load = (of: SubgroupMatmul, steps: number, operand: "a" | "b", at: number): string[][] => {
  const { layout, packed, types } = of;
  const read = readFrom(types, packed);
  const value = operand === "a" ? "x" : "y";
  const inFours = operand === "a" ? rowsInFours(of) : columnsInFours(of);
  /** An element or a vector of the operand at step q. */
  const along = (q: number): string => {
    const down = operand === "a" ? layout === "tn" : layout !== "nt";
    const from = `${operand}${at}`;
    return read(operand, down ? `${from} + (i + ${q}u) * ld${operand}` : `${from} + i + ${q}u`);
  };
  if (!packed) return range(steps).map((q) => [`let ${value}${q}_${at} = ${along(q)};`]);
  if (inFours)
    return range(steps).map((q) => {
      const four = `${operand}four${q}_${at}`;
      const parts = range(4).map((j) => `let ${value}${q}_${4 * at + j} = ${four}.${XYZW[j]};`);
      return [`let ${four} = ${along(q)};`, ...parts];
    });
  const four = `${operand}four${at}`;
  const parts = range(steps).map((q) => `let ${value}${q}_${at} = ${four}.${XYZW[q]};`);
  return [[`let ${four} = ${read(operand, `${operand}${at} + i / 4u`)};`, ...parts]];
};

const sum = ({ columns, sums }: SubgroupTile, row: number, column: number): string =>
  sums === "array" ? `sums[${row * columns + column}]` : `s${row}_${column}`;

/** v${q}_${row}: the element of A of step q that comes to this lane from the one so many places on. */
const lend = ({ tile }: SubgroupMatmul, steps: number, row: number): string[] => {
  const [group, step] = [Math.floor(row / tile.lanes), row % tile.lanes];
  return range(steps).map((q) => `let v${q}_${row} = ${lent(tile, `x${q}_${group}`, step)};`);
};

/** All steps after each other, so that a sum is touched once. */
const multiply = ({ tile }: SubgroupMatmul, steps: number, row: number, column: number): string => {
  const into = sum(tile, row, column);
  const value = range(steps).reduce(
    (inner, q) => `fma(v${q}_${row}, y${q}_${column}, ${inner})`,
    into,
  );
  return `${into} = ${value};`;
};

const byRow = (of: SubgroupMatmul, steps: number, loadsOfB: readonly string[][][]): string[] => [
  ...loadsOfB.flat(2),
  ...range(of.tile.rows).flatMap((row) => [
    ...lend(of, steps, row),
    ...range(of.tile.columns).map((column) => multiply(of, steps, row, column)),
  ]),
];

const byColumn = (of: SubgroupMatmul, steps: number, loadsOfB: readonly string[][][]): string[] => {
  const { rows, columns } = of.tile;
  const together = columns / loadsOfB.length;
  return [
    ...range(rows).flatMap((row) => lend(of, steps, row)),
    ...(loadsOfB[0] ?? []).flat(),
    ...range(columns).flatMap((column) => {
      const next = loadsOfB[Math.floor(column / together) + 1] ?? [];
      return [
        ...range(rows).map((row) => multiply(of, steps, row, column)),
        ...next.filter((_, part) => part % together === column % together).flat(),
      ];
    }),
  ];
};

/** `steps` steps along k. */
const stepLines = (of: SubgroupMatmul, steps: number): string[] => {
  const loads = (operand: "a" | "b", count: number, inFours: boolean): string[][][] =>
    range(inFours ? count / 4 : count).map((at) => load(of, steps, operand, at));
  const walk = of.tile.order === "by row" ? byRow : byColumn;
  return [
    ...loads("a", groupsOf(of.tile), rowsInFours(of)).flat(2),
    ...walk(of, steps, loads("b", of.tile.columns, columnsInFours(of))),
  ];
};

const put = ({ accumulate }: SubgroupMatmul, at: string, value: string): string =>
  `c[${at}] = ${accumulate ? `c[${at}] + ` : ""}${value};`;

/** A row's sums, one by one or in fours. */
const storeRow = (of: SubgroupMatmul, row: number): string[] => {
  const { tile, writtenInFours } = of;
  const { lanes, columns } = tile;
  const sums = range(columns).map((column) => sum(tile, row, column));
  if (writtenInFours)
    return range(columns / 4).map((f) => {
      const four = `vec4<f32>(${sums.slice(4 * f, 4 * f + 4).join(", ")})`;
      return `if (within${f}) { ${put(of, `out${row} + ${f * lanes}u`, four)} }`;
    });
  return sums.map((value, c) => {
    const column = `col + ${columnOf(of, c)}`;
    return `if (${column} < p.n) { ${put(of, `out${row} + ${column}`, value)} }`;
  });
};

/** In fours: where they begin, and whether there are such columns, once for all rows. */
const beforeStores = (of: SubgroupMatmul): string[] => {
  if (!of.writtenInFours) return [];
  const { lanes, columns } = of.tile;
  return [
    "let ldc = p.ldc / 4u;",
    `let fourC = baseC / 4u + tile * ${(columns * lanes) / 4}u + lane;`,
    ...range(columns / 4).map((f) => `let within${f} = col + ${columnOf(of, 4 * f)} < p.n;`),
  ];
};

const storeVariables = (of: SubgroupMatmul): string[] => {
  const { lanes } = of.tile;
  const rowsOfC = range(groupsOf(of.tile)).flatMap((g) =>
    range(lanes).flatMap((step) => {
      const r = g * lanes + step;
      return [
        `let r${r} = row + ${rowOf(of, g, lender(of.tile, `${step}u`))};`,
        `if (r${r} < p.m) {`,
        of.writtenInFours
          ? `  let out${r} = fourC + r${r} * ldc;`
          : `  let out${r} = baseC + r${r} * p.ldc;`,
        ...storeRow(of, r).map((line) => `  ${line}`),
        "}",
      ];
    }),
  );
  return [...beforeStores(of), ...rowsOfC];
};

/** In loops, whose index keeps the array in memory. */
const storeArray = (of: SubgroupMatmul): string[] => {
  const { lanes, columns, rows } = of.tile;
  const from = lender(of.tile, `(r % ${lanes}u)`);
  const group = `(r / ${lanes}u)`;
  const row = rowsInFours(of)
    ? `${group} / 4u * ${4 * lanes}u + ${group} % 4u + 4u * ${from}`
    : `${group} * ${lanes}u + ${from}`;
  const column = columnsInFours(of)
    ? `j / 4u * ${4 * lanes}u + j % 4u + 4u * lane`
    : `j * ${lanes}u + lane`;
  return [
    `for (var r = 0u; r < ${rows}u; r++) {`,
    `  let own = row + ${row};`,
    "  if (own < p.m) {",
    `    for (var j = 0u; j < ${columns}u; j++) {`,
    `      let column = col + ${column};`,
    "      let at = baseC + own * p.ldc + column;",
    `      if (column < p.n) { ${put(of, "at", `sums[r * ${columns}u + j]`)} }`,
    "    }",
    "  }",
    "}",
  ];
};

/** Fours along k leave no rest; other loads do. */
export const subgroupWgsl = (of: SubgroupMatmul): string => {
  const { rows, columns, sums } = of.tile;
  const step = (steps: number): string[] => stepLines(of, steps).map((line) => `  ${line}`);
  const lines = [
    ...owner(of),
    ...(sums === "array"
      ? [`var sums: array<f32, ${rows * columns}>;`]
      : range(rows).flatMap((r) => range(columns).map((c) => `var s${r}_${c} = 0.0;`))),
    "var i = 0u;",
    `for (; i + ${UNROLL}u <= p.k; i += ${UNROLL}u) {`,
    ...step(UNROLL),
    "}",
    ...(of.packed && of.layout !== "tn" ? [] : ["for (; i < p.k; i++) {", ...step(1), "}"]),
    ...(sums === "array" ? storeArray(of) : storeVariables(of)),
  ];
  return `${header(of)}${lines.map((line) => `  ${line}`).join("\n")}\n}\n`;
};

export const subgroupGroups = (tile: SubgroupTile, batch: number, m: number, n: number): number => {
  const { rows, columns, lanes } = tile;
  const tiles = batch * Math.ceil(m / rows) * Math.ceil(n / (columns * lanes));
  return Math.ceil((tiles * lanes) / subgroupWorkgroup(tile));
};
