/**
 * Causal attention by subgroups, forward and backward. A subgroup owns a tile of rows and walks the other side in blocks
 * of one row a lane: scores are computed with a lane per row of the block (the tile's own rows are uniform), outputs
 * with a lane per element of dim (the block's weights are broadcast). So each load serves all rows of the tile.
 * The texts are for one subgroup size: accumulators are spread over its lanes.
 */
import { range } from "./tile.js";

export interface AttentionTile {
  readonly dim: number;
  readonly lanes: number;
  /** Rows of the tile: query positions forward and for dQ, key positions for dK and dV. */
  readonly rows: number;
}

export const TILE_WORKGROUP = 64;

/** rows, keys, lse: the first element of the piece in the bindings of q, out and their adjoints; of k and v; of lse and delta. */
export const ATTENTION_PARAMS =
  "struct Params { batch: u32, position: u32, groups: u32, queries: u32, scale: f32, rows: u32, keys: u32, lse: u32 }";

type Names = readonly (readonly [string, "read" | "read_write"])[];

const header = (names: Names): string => `enable subgroups;
diagnostic(off, subgroup_uniformity);
${ATTENTION_PARAMS}
@group(0) @binding(0) var<uniform> p: Params;
${names.map(([name, access], i) => `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name}: array<f32>;`).join("\n")}

@compute @workgroup_size(${TILE_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32) {
`;

const text = (names: Names, lines: readonly string[]): string =>
  `${header(names)}${lines.map((line) => `  ${line}`).join("\n")}\n}\n`;

/** Elements of dim that a lane holds. */
const shares = ({ dim, lanes }: AttentionTile): number[] => range(Math.ceil(dim / lanes));

/** Whether a share's element may lie past dim. */
const inside = ({ dim, lanes }: AttentionTile, share: number): string | null =>
  (share + 1) * lanes <= dim ? null : `lane + ${share * lanes}u < ${dim}u`;

const element = (tile: AttentionTile, share: number): string =>
  inside(tile, share) === null
    ? `lane + ${share * tile.lanes}u`
    : `min(lane + ${share * tile.lanes}u, ${tile.dim - 1}u)`;

const owner = ({ lanes }: AttentionTile, tiles: string): string[] => [
  `let id = (w.x + w.y * 65535u) * ${TILE_WORKGROUP / lanes}u + l.x / ${lanes}u;`,
  `if (id >= ${tiles}) { return; }`,
];

/** The tile's query rows: `at${r}` is the row in [batch, position, groups, queries], `pos${r}` its position. */
const queryRows = (tile: AttentionTile): string[] => [
  `let blocks = (p.position + ${tile.rows - 1}u) / ${tile.rows}u;`,
  ...owner(tile, "p.batch * blocks * p.groups * p.queries"),
  "let query = id % p.queries;",
  "let group = (id / p.queries) % p.groups;",
  "let block = id / (p.queries * p.groups);",
  "let start = (block / blocks) * p.position;",
  `let own = (block % blocks) * ${tile.rows}u;`,
  "let first = start * p.groups + group;",
  ...range(tile.rows).flatMap((r) => [
    `let pos${r} = min(own + ${r}u, p.position - 1u);`,
    `let at${r} = ((start + pos${r}) * p.groups + group) * p.queries + query;`,
  ]),
];

/** All elements of a uniform row, each a value. */
const uniformRow = (
  tile: AttentionTile,
  name: string,
  from: string,
  row: string,
  scale = "",
): string[] =>
  range(tile.dim).map(
    (i) => `let ${name}_${i} = ${from}[${row} * ${tile.dim}u + ${i}u + ${base(from)}]${scale};`,
  );

/** Per row: the dot product of the lane's own row of `from` with the uniform row `name`. */
const dots = (
  tile: AttentionTile,
  sums: readonly { readonly sum: string; readonly name: string; readonly from: string }[],
  row: string,
): string[] => [
  ...sums.flatMap(({ sum }) => range(tile.rows).map((r) => `var ${sum}${r} = 0.0;`)),
  ...range(tile.dim).flatMap((i) =>
    sums.flatMap(({ sum, name, from }) => [
      `let ${from}_${i} = ${from}[${row} + ${i}u];`,
      ...range(tile.rows).map(
        (r) => `${sum}${r} = fma(${name}${r}_${i}, ${from}_${i}, ${sum}${r});`,
      ),
    ]),
  ),
];

/** Per row: adds the block's rows of `from`, each weighted by its lane's value of `weight`, to `into`. */
const weighted = (
  tile: AttentionTile,
  sums: readonly { readonly into: string; readonly weight: string; readonly from: string }[],
  rowOf: (lane: number) => string,
): string[] =>
  range(tile.lanes).flatMap((t) => [
    `let row${t} = ${rowOf(t)};`,
    ...sums.flatMap(({ into, weight, from }) => [
      ...range(tile.rows).map(
        (r) => `let ${weight}${r}_${t} = subgroupBroadcast(${weight}${r}, ${t}u);`,
      ),
      ...shares(tile).flatMap((j) => [
        `let ${from}${t}_${j} = ${from}[row${t} + ${element(tile, j)}];`,
        ...range(tile.rows).map(
          (r) => `${into}${r}_${j} = fma(${weight}${r}_${t}, ${from}${t}_${j}, ${into}${r}_${j});`,
        ),
      ]),
    ]),
  ]);

/** Where a tensor's piece begins in its binding. */
const base = (tensor: string): string =>
  ["k", "v", "dk", "dv"].includes(tensor) ? "p.keys" : "p.rows";

const accumulators = (tile: AttentionTile, name: string): string[] =>
  range(tile.rows).flatMap((r) => shares(tile).map((j) => `var ${name}${r}_${j} = 0.0;`));

const write = (
  tile: AttentionTile,
  to: string,
  row: (r: number) => string,
  value: (r: number, share: number) => string,
): string[] =>
  range(tile.rows).flatMap((r) =>
    shares(tile).map((j) => {
      const put = `${to}[${row(r)} * ${tile.dim}u + lane + ${j * tile.lanes}u + ${base(to)}] = ${value(r, j)};`;
      const guards = [`own + ${r}u < p.position`, inside(tile, j)].filter((g) => g !== null);
      return `if (${guards.join(" && ")}) { ${put} }`;
    }),
  );

/** Bindings q, k, v, out, lse. Softmax online over the blocks (arXiv 2205.14135, algorithm 1). */
export const forwardTile = (tile: AttentionTile): string => {
  const rows = range(tile.rows);
  const sourceRow = (source: string) =>
    `(first + min(${source}, p.position - 1u) * p.groups) * ${tile.dim}u + p.keys`;
  const names: Names = [
    ["q", "read"],
    ["k", "read"],
    ["v", "read"],
    ["out", "read_write"],
    ["lse", "read_write"],
  ];
  return text(names, [
    ...queryRows(tile),
    ...rows.flatMap((r) => uniformRow(tile, `q${r}`, "q", `at${r}`, " * p.scale")),
    ...rows.flatMap((r) => [`var most${r} = -3.0e38;`, `var total${r} = 0.0;`]),
    ...accumulators(tile, "o"),
    `for (var base = 0u; base <= pos${tile.rows - 1}; base += ${tile.lanes}u) {`,
    "let source = base + lane;",
    `let own_row = ${sourceRow("source")};`,
    ...dots(tile, [{ sum: "s", name: "q", from: "k" }], "own_row"),
    ...rows.flatMap((r) => [
      `let m${r} = max(most${r}, subgroupMax(select(-3.0e38, s${r}, source <= pos${r})));`,
      `let shrink${r} = exp(most${r} - m${r});`,
      `let e${r} = select(0.0, exp(s${r} - m${r}), source <= pos${r});`,
      `most${r} = m${r};`,
      `total${r} = fma(total${r}, shrink${r}, e${r});`,
      ...shares(tile).map((j) => `o${r}_${j} *= shrink${r};`),
    ]),
    ...weighted(tile, [{ into: "o", weight: "e", from: "v" }], (t) => sourceRow(`base + ${t}u`)),
    "}",
    ...rows.map((r) => `let sum${r} = subgroupAdd(total${r});`),
    ...write(
      tile,
      "out",
      (r) => `at${r}`,
      (r, j) => `o${r}_${j} / sum${r}`,
    ),
    ...rows.map(
      (r) =>
        `if (lane == 0u && own + ${r}u < p.position) { lse[p.lse + at${r}] = most${r} + log(sum${r}); }`,
    ),
  ]);
};

const GRADIENT_INPUTS: Names = [
  ["q", "read"],
  ["k", "read"],
  ["v", "read"],
  ["lse", "read"],
  ["dOut", "read"],
  ["delta", "read"],
];

/** Bindings q, k, v, lse, dOut, delta, dq. */
export const gradQueryTile = (tile: AttentionTile): string => {
  const rows = range(tile.rows);
  const sourceRow = (source: string) =>
    `(first + min(${source}, p.position - 1u) * p.groups) * ${tile.dim}u + p.keys`;
  return text(
    [...GRADIENT_INPUTS, ["dq", "read_write"]],
    [
      ...queryRows(tile),
      ...rows.flatMap((r) => [
        ...uniformRow(tile, `q${r}`, "q", `at${r}`, " * p.scale"),
        ...uniformRow(tile, `g${r}`, "dOut", `at${r}`),
        `let lse${r} = lse[p.lse + at${r}];`,
        `let delta${r} = delta[p.lse + at${r}];`,
      ]),
      ...accumulators(tile, "d"),
      `for (var base = 0u; base <= pos${tile.rows - 1}; base += ${tile.lanes}u) {`,
      "let source = base + lane;",
      `let own_row = ${sourceRow("source")};`,
      ...dots(
        tile,
        [
          { sum: "s", name: "q", from: "k" },
          { sum: "dp", name: "g", from: "v" },
        ],
        "own_row",
      ),
      ...rows.flatMap((r) => [
        `let e${r} = select(0.0, exp(s${r} - lse${r}), source <= pos${r});`,
        `let ds${r} = e${r} * (dp${r} - delta${r}) * p.scale;`,
      ]),
      ...weighted(tile, [{ into: "d", weight: "ds", from: "k" }], (t) => sourceRow(`base + ${t}u`)),
      "}",
      ...write(
        tile,
        "dq",
        (r) => `at${r}`,
        (r, j) => `d${r}_${j}`,
      ),
    ],
  );
};

/** Bindings q, k, v, lse, dOut, delta, dk, dv. The tile is of key rows; its query heads are walked one after the other. */
export const gradKeyValueTile = (tile: AttentionTile): string => {
  const rows = range(tile.rows);
  const headAt = (position: string) =>
    `((start + min(${position}, p.position - 1u)) * p.groups + group) * p.queries + query`;
  return text(
    [...GRADIENT_INPUTS, ["dk", "read_write"], ["dv", "read_write"]],
    [
      `let blocks = (p.position + ${tile.rows - 1}u) / ${tile.rows}u;`,
      ...owner(tile, "p.batch * blocks * p.groups"),
      "let group = id % p.groups;",
      "let block = id / p.groups;",
      "let start = (block / blocks) * p.position;",
      `let own = (block % blocks) * ${tile.rows}u;`,
      ...rows.flatMap((r) => [
        `let pos${r} = min(own + ${r}u, p.position - 1u);`,
        `let at${r} = (start + pos${r}) * p.groups + group;`,
        ...uniformRow(tile, `k${r}`, "k", `at${r}`, " * p.scale"),
        ...uniformRow(tile, `v${r}`, "v", `at${r}`),
      ]),
      ...accumulators(tile, "dk"),
      ...accumulators(tile, "dv"),
      "for (var query = 0u; query < p.queries; query++) {",
      `for (var base = own; base < p.position; base += ${tile.lanes}u) {`,
      "let position = base + lane;",
      `let head = ${headAt("position")};`,
      `let own_row = head * ${tile.dim}u + p.rows;`,
      "let rowLse = lse[p.lse + head];",
      "let rowDelta = delta[p.lse + head];",
      ...dots(
        tile,
        [
          { sum: "s", name: "k", from: "q" },
          { sum: "dp", name: "v", from: "dOut" },
        ],
        "own_row",
      ),
      ...rows.flatMap((r) => [
        `let sees${r} = position >= pos${r} && position < p.position;`,
        `let e${r} = select(0.0, exp(s${r} - rowLse), sees${r});`,
        `let ds${r} = e${r} * (dp${r} - rowDelta) * p.scale;`,
      ]),
      ...weighted(
        tile,
        [
          { into: "dv", weight: "e", from: "dOut" },
          { into: "dk", weight: "ds", from: "q" },
        ],
        (t) => `(${headAt(`base + ${t}u`)}) * ${tile.dim}u + p.rows`,
      ),
      "}",
      "}",
      ...write(
        tile,
        "dk",
        (r) => `at${r}`,
        (r, j) => `dk${r}_${j}`,
      ),
      ...write(
        tile,
        "dv",
        (r) => `at${r}`,
        (r, j) => `dv${r}_${j}`,
      ),
    ],
  );
};
