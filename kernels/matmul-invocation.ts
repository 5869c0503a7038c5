/**
 * Matrix product with a tile of C per invocation, for adapters without subgroups. The tile is unrolled in the text,
 * because software adapters do not unroll, and what pays there is multiply-adds per load.
 */
import {
  type Layout,
  MATMUL_PARAMS,
  matmulBindings,
  type OperandTypes,
  readFrom,
} from "./matmul-params.js";
import { range, type Tile } from "./tile.js";

export const WORKGROUP = 64;

const header = (types: OperandTypes, inFours: boolean): string => `${MATMUL_PARAMS}
${matmulBindings(types, inFours)}`;

/** Which tile of C this invocation owns; rows and columns past the edge are clamped when loading, dropped when storing. */
const prologue = ({ rows, columns }: Tile): string => `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let id = (w.x + w.y * 65535u) * ${WORKGROUP}u + l.x;
  if (id >= p.tiles) { return; }
  let tile = id % p.tilesN;
  let rest = id / p.tilesN;
  let tilesM = (p.m + ${rows - 1}u) / ${rows}u;
  let batch = rest / tilesM;
  let row = (rest - batch * tilesM) * ${rows}u;
  let col = tile * ${columns}u;
  let lastRow = p.m - 1u;
  let lastCol = p.n - 1u;
${range(rows)
  .map((r) => `  let r${r} = min(row + ${r}u, lastRow);`)
  .join("\n")}
${range(columns)
  .map((c) => `  let c${c} = min(col + ${c}u, lastCol);`)
  .join("\n")}
  let baseC = p.offC + batch * p.stepC;
`;

const store = ({ rows, columns }: Tile, value: (r: number, c: number) => string): string =>
  `${range(rows)
    .map(
      (r) => `  if (row + ${r}u < p.m) {
    let at = baseC + (row + ${r}u) * p.ldc + col;
${range(columns)
  .map((c) => {
    const put = `if (p.add != 0u) { c[at + ${c}u] = c[at + ${c}u] + ${value(r, c)}; } else { c[at + ${c}u] = ${value(r, c)}; }`;
    return `    if (col + ${c}u < p.n) { ${put} }`;
  })
  .join("\n")}
  }`,
    )
    .join("\n")}
}
`;

/** Any sizes: scalar loads, one k at a time. */
export const plain = (layout: Layout, tile: Tile, types: OperandTypes): string => {
  const { rows, columns } = tile;
  const read = readFrom(types, false);
  const loadA = (r: number): string =>
    read("a", layout === "tn" ? `baseA + i * p.lda + r${r}` : `baseA + r${r} * p.lda + i`);
  const loadB = (c: number): string =>
    read("b", layout === "nt" ? `baseB + c${c} * p.ldb + i` : `baseB + i * p.ldb + c${c}`);
  const lines = [
    "  let baseA = p.offA + batch * p.stepA;",
    "  let baseB = p.offB + batch * p.stepB;",
    ...range(rows).flatMap((r) => range(columns).map((c) => `  var s${r}_${c} = 0.0;`)),
    "  for (var i = 0u; i < p.k; i++) {",
    ...range(columns).map((c) => `    let y${c} = ${loadB(c)};`),
    ...range(rows).flatMap((r) => [
      `    let x${r} = ${loadA(r)};`,
      ...range(columns).map((c) => `    s${r}_${c} = fma(x${r}, y${c}, s${r}_${c});`),
    ]),
    "  }",
  ];
  return `${header(types, false)}${prologue(tile)}${lines.join("\n")}\n${store(tile, (r, c) => `s${r}_${c}`)}`;
};

/** "nt" with k in fours: both operands run along k. */
export const dots = (tile: Tile, types: OperandTypes): string => {
  const { rows, columns } = tile;
  const read = readFrom(types, true);
  const lines = [
    "  let k4 = p.k / 4u;",
    "  let baseA = (p.offA + batch * p.stepA) / 4u;",
    "  let lda = p.lda / 4u;",
    "  let baseB = (p.offB + batch * p.stepB) / 4u;",
    "  let ldb = p.ldb / 4u;",
    ...range(rows).map((r) => `  let ar${r} = baseA + r${r} * lda;`),
    ...range(columns).map((c) => `  let bc${c} = baseB + c${c} * ldb;`),
    ...range(rows).flatMap((r) => range(columns).map((c) => `  var s${r}_${c} = vec4<f32>();`)),
    "  for (var i = 0u; i < k4; i++) {",
    ...range(columns).map((c) => `    let y${c} = ${read("b", `bc${c} + i`)};`),
    ...range(rows).flatMap((r) => [
      `    let x${r} = ${read("a", `ar${r} + i`)};`,
      ...range(columns).map((c) => `    s${r}_${c} = fma(x${r}, y${c}, s${r}_${c});`),
    ]),
    "  }",
    ...range(rows).flatMap((r) =>
      range(columns).map(
        (c) => `  let d${r}_${c} = (s${r}_${c}.x + s${r}_${c}.y) + (s${r}_${c}.z + s${r}_${c}.w);`,
      ),
    ),
  ];
  return `${header(types, true)}${prologue(tile)}${lines.join("\n")}\n${store(tile, (r, c) => `d${r}_${c}`)}`;
};

const LANES = "xyzw";

/** "nn" with k and n in fours: rows of A along k, rows of B along n. */
export const rowsByFours = (tile: Tile, types: OperandTypes): string => {
  const { rows, columns } = tile;
  const read = readFrom(types, true);
  const fours = range(columns / 4);
  const lines = [
    "  let k4 = p.k / 4u;",
    "  let n4 = p.n / 4u;",
    "  let baseA = (p.offA + batch * p.stepA) / 4u;",
    "  let lda = p.lda / 4u;",
    "  let baseB = (p.offB + batch * p.stepB) / 4u;",
    "  let ldb = p.ldb / 4u;",
    ...range(rows).map((r) => `  let ar${r} = baseA + r${r} * lda;`),
    ...fours.map((f) => `  let f${f} = min(col / 4u + ${f}u, n4 - 1u);`),
    ...range(rows).flatMap((r) => fours.map((f) => `  var s${r}_${f} = vec4<f32>();`)),
    "  for (var i = 0u; i < k4; i++) {",
    ...range(rows).map((r) => `    let x${r} = ${read("a", `ar${r} + i`)};`),
    ...range(4).flatMap((q) => [
      ...fours.map(
        (f) => `    let y${q}_${f} = ${read("b", `baseB + (i * 4u + ${q}u) * ldb + f${f}`)};`,
      ),
      ...range(rows).flatMap((r) =>
        fours.map(
          (f) => `    s${r}_${f} = fma(vec4<f32>(x${r}.${LANES[q]}), y${q}_${f}, s${r}_${f});`,
        ),
      ),
    ]),
    "  }",
  ];
  return `${header(types, true)}${prologue(tile)}${lines.join("\n")}\n${store(tile, (r, c) => `s${r}_${c >> 2}.${LANES[c & 3]}`)}`;
};

/** "tn" with m and n in fours: both operands run along the columns of C. */
export const columnsByFours = (tile: Tile, types: OperandTypes): string => {
  const { rows, columns } = tile;
  const read = readFrom(types, true);
  const [rowFours, fours] = [range(rows / 4), range(columns / 4)];
  const lines = [
    "  let m4 = p.m / 4u;",
    "  let n4 = p.n / 4u;",
    "  let baseA = (p.offA + batch * p.stepA) / 4u;",
    "  let lda = p.lda / 4u;",
    "  let baseB = (p.offB + batch * p.stepB) / 4u;",
    "  let ldb = p.ldb / 4u;",
    ...rowFours.map((f) => `  let g${f} = min(row / 4u + ${f}u, m4 - 1u);`),
    ...fours.map((f) => `  let f${f} = min(col / 4u + ${f}u, n4 - 1u);`),
    ...range(rows).flatMap((r) => fours.map((f) => `  var s${r}_${f} = vec4<f32>();`)),
    "  for (var i = 0u; i < p.k; i++) {",
    ...rowFours.map((f) => `    let x${f} = ${read("a", `baseA + i * lda + g${f}`)};`),
    ...fours.map((f) => `    let y${f} = ${read("b", `baseB + i * ldb + f${f}`)};`),
    ...range(rows).flatMap((r) =>
      fours.map(
        (f) => `    s${r}_${f} = fma(vec4<f32>(x${r >> 2}.${LANES[r & 3]}), y${f}, s${r}_${f});`,
      ),
    ),
    "  }",
  ];
  return `${header(types, true)}${prologue(tile)}${lines.join("\n")}\n${store(tile, (r, c) => `s${r}_${c >> 2}.${LANES[c & 3]}`)}`;
};
