/**
 * Matrix product C = A · B (+ C), f32. Each invocation keeps a tile of C in registers; the tile is unrolled in the text,
 * because software adapters do not unroll, and what pays there is multiply-adds per load.
 * Layouts: "nn" A [m, k] B [k, n]; "nt" A [m, k] B [n, k]; "tn" A [k, m] B [k, n]; C [m, n].
 */
import { foldGroups, type KernelCall, type Variant } from "./kernel.js";
import { BROADCAST_WORKGROUP, broadcastGroups, broadcastWgsl } from "./matmul-broadcast.js";
import { range, type Tile } from "./tile.js";

export interface MatmulSpec {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly layout: "nn" | "nt" | "tn";
  /** Add to C instead of replacing it. */
  readonly accumulate: boolean;
}

const WORKGROUP = 64;

const header = (
  packedA: boolean,
  packedB: boolean,
): string => `struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<${packedA ? "vec4<f32>" : "f32"}>;
@group(0) @binding(2) var<storage, read> b: array<${packedB ? "vec4<f32>" : "f32"}>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
`;

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
  let baseC = batch * p.m * p.n;
`;

const store = ({ rows, columns }: Tile, value: (r: number, c: number) => string): string =>
  `${range(rows)
    .map(
      (r) => `  if (row + ${r}u < p.m) {
    let at = baseC + (row + ${r}u) * p.n + col;
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
const plain = (layout: MatmulSpec["layout"], tile: Tile): string => {
  const { rows, columns } = tile;
  const loadA = (r: number): string =>
    layout === "tn" ? `a[baseA + i * p.m + r${r}]` : `a[baseA + r${r} * p.k + i]`;
  const loadB = (c: number): string =>
    layout === "nt" ? `b[baseB + c${c} * p.k + i]` : `b[baseB + i * p.n + c${c}]`;
  const lines = [
    "  let baseA = batch * p.m * p.k;",
    "  let baseB = batch * p.n * p.k;",
    ...range(rows).flatMap((r) => range(columns).map((c) => `  var s${r}_${c} = 0.0;`)),
    "  for (var i = 0u; i < p.k; i++) {",
    ...range(columns).map((c) => `    let y${c} = ${loadB(c)};`),
    ...range(rows).flatMap((r) => [
      `    let x${r} = ${loadA(r)};`,
      ...range(columns).map((c) => `    s${r}_${c} = fma(x${r}, y${c}, s${r}_${c});`),
    ]),
    "  }",
  ];
  return `${header(false, false)}${prologue(tile)}${lines.join("\n")}\n${store(tile, (r, c) => `s${r}_${c}`)}`;
};

/** "nt" with k in fours: both operands run along k. */
const dots = (tile: Tile): string => {
  const { rows, columns } = tile;
  const lines = [
    "  let k4 = p.k / 4u;",
    "  let baseA = batch * p.m * k4;",
    "  let baseB = batch * p.n * k4;",
    ...range(rows).map((r) => `  let ar${r} = baseA + r${r} * k4;`),
    ...range(columns).map((c) => `  let bc${c} = baseB + c${c} * k4;`),
    ...range(rows).flatMap((r) => range(columns).map((c) => `  var s${r}_${c} = vec4<f32>();`)),
    "  for (var i = 0u; i < k4; i++) {",
    ...range(columns).map((c) => `    let y${c} = b[bc${c} + i];`),
    ...range(rows).flatMap((r) => [
      `    let x${r} = a[ar${r} + i];`,
      ...range(columns).map((c) => `    s${r}_${c} = fma(x${r}, y${c}, s${r}_${c});`),
    ]),
    "  }",
    ...range(rows).flatMap((r) =>
      range(columns).map(
        (c) => `  let d${r}_${c} = (s${r}_${c}.x + s${r}_${c}.y) + (s${r}_${c}.z + s${r}_${c}.w);`,
      ),
    ),
  ];
  return `${header(true, true)}${prologue(tile)}${lines.join("\n")}\n${store(tile, (r, c) => `d${r}_${c}`)}`;
};

const LANES = "xyzw";

/** "nn" with k and n in fours: rows of A along k, rows of B along n. */
const rowsByFours = (tile: Tile): string => {
  const { rows, columns } = tile;
  const fours = range(columns / 4);
  const lines = [
    "  let k4 = p.k / 4u;",
    "  let n4 = p.n / 4u;",
    "  let baseA = batch * p.m * k4;",
    "  let baseB = batch * p.k * n4;",
    ...range(rows).map((r) => `  let ar${r} = baseA + r${r} * k4;`),
    ...fours.map((f) => `  let f${f} = min(col / 4u + ${f}u, n4 - 1u);`),
    ...range(rows).flatMap((r) => fours.map((f) => `  var s${r}_${f} = vec4<f32>();`)),
    "  for (var i = 0u; i < k4; i++) {",
    ...range(rows).map((r) => `    let x${r} = a[ar${r} + i];`),
    ...range(4).flatMap((q) => [
      ...fours.map((f) => `    let y${q}_${f} = b[baseB + (i * 4u + ${q}u) * n4 + f${f}];`),
      ...range(rows).flatMap((r) =>
        fours.map(
          (f) => `    s${r}_${f} = fma(vec4<f32>(x${r}.${LANES[q]}), y${q}_${f}, s${r}_${f});`,
        ),
      ),
    ]),
    "  }",
  ];
  return `${header(true, true)}${prologue(tile)}${lines.join("\n")}\n${store(tile, (r, c) => `s${r}_${c >> 2}.${LANES[c & 3]}`)}`;
};

/** "tn" with m and n in fours: both operands run along the columns of C. */
const columnsByFours = (tile: Tile): string => {
  const { rows, columns } = tile;
  const [rowFours, fours] = [range(rows / 4), range(columns / 4)];
  const lines = [
    "  let m4 = p.m / 4u;",
    "  let n4 = p.n / 4u;",
    "  let baseA = batch * p.k * m4;",
    "  let baseB = batch * p.k * n4;",
    ...rowFours.map((f) => `  let g${f} = min(row / 4u + ${f}u, m4 - 1u);`),
    ...fours.map((f) => `  let f${f} = min(col / 4u + ${f}u, n4 - 1u);`),
    ...range(rows).flatMap((r) => fours.map((f) => `  var s${r}_${f} = vec4<f32>();`)),
    "  for (var i = 0u; i < p.k; i++) {",
    ...rowFours.map((f) => `    let x${f} = a[baseA + i * m4 + g${f}];`),
    ...fours.map((f) => `    let y${f} = b[baseB + i * n4 + f${f}];`),
    ...range(rows).flatMap((r) =>
      fours.map(
        (f) => `    s${r}_${f} = fma(vec4<f32>(x${r >> 2}.${LANES[r & 3]}), y${f}, s${r}_${f});`,
      ),
    ),
    "  }",
  ];
  return `${header(true, true)}${prologue(tile)}${lines.join("\n")}\n${store(tile, (r, c) => `s${r}_${c >> 2}.${LANES[c & 3]}`)}`;
};

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

/** By subgroups where there are any; else the packed schedule that the sizes allow, else the plain one. */
const schedules = (spec: MatmulSpec): Variant[] => {
  const { layout, m, n, k } = spec;
  const fits = { nt: k % 4 === 0, nn: k % 4 === 0 && n % 4 === 0, tn: m % 4 === 0 && n % 4 === 0 }[
    layout
  ];
  const packed = { nt: dots, nn: rowsByFours, tn: columnsByFours }[layout];
  const invocations = fits
    ? variant(spec, "packed", TILE, packed(TILE))
    : variant(spec, "plain", TILE, plain(layout, TILE));
  return [broadcast(spec), invocations];
};

/** Operands a, b, c. */
export const matmul = (spec: MatmulSpec): KernelCall => {
  const { batch, m, n, k, layout } = spec;
  const tilesN = Math.ceil(n / TILE.columns);
  const tiles = batch * Math.ceil(m / TILE.rows) * tilesN;
  return {
    family: "matmul",
    shape: `${layout} m${m} n${n} k${k} b${batch}`,
    operands: [
      { name: "a", access: "read" },
      { name: "b", access: "read" },
      { name: "c", access: "read_write" },
    ],
    params: [m, n, k, batch, tilesN, tiles, spec.accumulate ? 1 : 0, 0],
    variants: schedules(spec),
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
