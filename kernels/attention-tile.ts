/**
 * Causal attention by groups of lanes that lie side by side in a subgroup, forward and backward. A group owns a tile of
 * rows and walks the other side in blocks of one row a lane; of every row a lane holds the elements of dim that are its
 * own. Of step t of a block, lane l holds its elements of row l ^ t: what a lane has summed for another's row goes there
 * by one exchange, and comes back as that row's weight. So each load, of distinct values in every lane, serves all rows
 * of the tile, both for scores and for what they weigh. Loads are what costs on software adapters.
 */
import {
  cappedScore,
  capSlope,
  endOfSight,
  firstSource,
  nearEnough,
  type ScoreRule,
} from "./attention-scores.js";
import { range } from "./tile.js";

export interface AttentionTile {
  readonly dim: number;
  /** Of a group; 4 exchange as quads, more by shuffles. */
  readonly lanes: 4 | 8;
  /** Rows of the tile: queries, by position and then by head of their group, forward and for dQ; keys for dK and dV. */
  readonly rows: number;
  readonly scores: ScoreRule;
}

export const TILE_WORKGROUP = 32;

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
        @builtin(subgroup_invocation_id) invocation: u32) {
`;

export const text = (names: Names, lines: readonly string[]): string =>
  `${header(names)}${lines.map((line) => `  ${line}`).join("\n")}\n}\n`;

/** Elements of dim that a lane holds: its own, and every `lanes` on. */
export const shares = ({ dim, lanes }: AttentionTile): number[] => range(Math.ceil(dim / lanes));

/** Whether a share's element may lie past dim. */
export const inside = ({ dim, lanes }: AttentionTile, share: number): string | null =>
  (share + 1) * lanes <= dim ? null : `lane + ${share * lanes}u < ${dim}u`;

export const element = (tile: AttentionTile, share: number): string =>
  inside(tile, share) === null
    ? `lane + ${share * tile.lanes}u`
    : `min(lane + ${share * tile.lanes}u, ${tile.dim - 1}u)`;

/** The value of lane `lane ^ step`. */
const exchanged = ({ lanes }: AttentionTile, value: string, step: number): string => {
  if (step === 0) return value;
  if (lanes > 4) return `subgroupShuffleXor(${value}, ${step}u)`;
  const swap = ["", "quadSwapX", "quadSwapY", "quadSwapDiagonal"][step] ?? "";
  return `${swap}(${value})`;
};

/** One operation over a group's lanes, known to all of them afterwards. */
export const acrossLanes = (
  tile: AttentionTile,
  name: string,
  value: string,
  join: (a: string, b: string) => string,
): string[] => {
  const lines = [`let ${name}_0 = ${value};`];
  let at = 0;
  for (let step = 1; step < tile.lanes; step *= 2, at++)
    lines.push(
      `let ${name}_${at + 1} = ${join(`${name}_${at}`, exchanged(tile, `${name}_${at}`, step))};`,
    );
  return [...lines, `let ${name} = ${name}_${at};`];
};

/** The tile's rows of `from` at `row(r)`, this lane's shares; zero past dim. */
const ownRows = (
  tile: AttentionTile,
  name: string,
  from: string,
  row: (r: number) => string,
  scale = "",
): string[] =>
  range(tile.rows).flatMap((r) =>
    shares(tile).map((j) => {
      const value = `${from}[${row(r)} * ${tile.dim}u + ${element(tile, j)} + ${base(from)}]${scale}`;
      const guard = inside(tile, j);
      return `let ${name}${r}_${j} = ${guard === null ? value : `select(0.0, ${value}, ${guard})`};`;
    }),
  );

/** The block's rows of each tensor, this lane's shares of the row of lane `lane ^ t` at step t. */
const blockRows = (
  tile: AttentionTile,
  tensors: readonly string[],
  rowOf: (lane: string) => string,
): string[] =>
  range(tile.lanes).flatMap((t) => [
    `let row${t} = ${rowOf(`(lane ^ ${t}u)`)};`,
    ...tensors.flatMap((from) =>
      shares(tile).map((j) => `let ${from}${t}_${j} = ${from}[row${t} + ${element(tile, j)}];`),
    ),
  ]);

/** ${into}${r}: dot product of the tile's row r of `name` with the row of `from` that is this lane's in the block. */
const dot = (tile: AttentionTile, into: string, name: string, from: string, r: number): string[] =>
  range(tile.lanes).map((t) => {
    const part = shares(tile).reduce(
      (sum, j) =>
        j === 0
          ? `${name}${r}_0 * ${from}${t}_0`
          : `fma(${name}${r}_${j}, ${from}${t}_${j}, ${sum})`,
      "",
    );
    const to = t === tile.lanes - 1 ? `${into}${r}` : `${into}${r}_${t}`;
    return `let ${to} = ${t === 0 ? part : `${into}${r}_${t - 1} + ${exchanged(tile, part, t)}`};`;
  });

/** Adds the block's rows of `from`, each by the weight that its lane has for the tile's row r, to `into`. */
const weighted = (
  tile: AttentionTile,
  into: string,
  weight: string,
  from: string,
  r: number,
  shrink = "",
): string[] => [
  ...range(tile.lanes).map(
    (t) => `let ${weight}${r}_${t} = ${exchanged(tile, `${weight}${r}`, t)};`,
  ),
  ...shares(tile).map((j) => {
    const sum = range(tile.lanes).reduce(
      (inner, t) => `fma(${weight}${r}_${t}, ${from}${t}_${j}, ${inner})`,
      `${into}${r}_${j}${shrink}`,
    );
    return `${into}${r}_${j} = ${sum};`;
  }),
];

/** Where a tensor's piece begins in its binding. */
export const base = (tensor: string): string =>
  ["k", "v", "dk", "dv"].includes(tensor) ? "p.keys" : "p.rows";

const accumulators = (tile: AttentionTile, name: string): string[] =>
  range(tile.rows).flatMap((r) => shares(tile).map((j) => `var ${name}${r}_${j} = 0.0;`));

const write = (
  tile: AttentionTile,
  to: string,
  count: string,
  value: (r: number, share: number) => string,
): string[] =>
  range(tile.rows).flatMap((r) => [
    `if (own + ${r}u < ${count}) {`,
    ...shares(tile).map((j) => {
      const put = `${to}[at${r} * ${tile.dim}u + lane + ${j * tile.lanes}u + ${base(to)}] = ${value(r, j)};`;
      const guard = inside(tile, j);
      return guard === null ? put : `if (${guard}) { ${put} }`;
    }),
    "}",
  ]);

/**
 * Which tile of `count` rows (of a batch and group) this group of lanes owns, `own` its first; the last tiles come
 * first, as queries near the end see the most.
 */
export const owner = ({ lanes, rows }: AttentionTile, count: string): string[] => [
  `let lane = invocation & ${lanes - 1}u;`,
  `let count = ${count};`,
  `let blocks = (count + ${rows - 1}u) / ${rows}u;`,
  `let id = (w.x + w.y * 65535u) * ${TILE_WORKGROUP / lanes}u + l.x / ${lanes}u;`,
  "if (id >= p.batch * blocks * p.groups) { return; }",
  "let group = id % p.groups;",
  "let block = id / p.groups;",
  "let start = (block / blocks) * p.position;",
  `let own = (blocks - 1u - block % blocks) * ${rows}u;`,
];

/** The tile's query rows: `at${r}` is the row in [batch, position, groups, queries], `pos${r}` its position. */
export const queryRows = (tile: AttentionTile): string[] => [
  ...owner(tile, "p.position * p.queries"),
  "let first = start * p.groups + group;",
  ...range(tile.rows).flatMap((r) => [
    `let row${r}of = min(own + ${r}u, count - 1u);`,
    `let pos${r} = row${r}of / p.queries;`,
    `let at${r} = ((start + pos${r}) * p.groups + group) * p.queries + row${r}of % p.queries;`,
  ]),
];

export const sourceRow =
  (tile: AttentionTile) =>
  (lane: string): string =>
    `(first + min(base + ${lane}, p.position - 1u) * p.groups) * ${tile.dim}u + p.keys`;

/** The blocks of sources that the tile's rows see between them. */
export const blocks = (tile: AttentionTile): string[] => [
  `for (var base = ${firstSource(tile.scores, "pos0")}; base <= pos${tile.rows - 1}; base += ${tile.lanes}u) {`,
  "let source = base + lane;",
];

/** Whether the tile's row r sees this lane's source. */
export const sees = ({ scores }: AttentionTile, r: number): string =>
  `source <= pos${r}${nearEnough(scores, "source", `pos${r}`)}`;

/** s${r}: the score of the tile's row r of `name` with the row of `from` that is this lane's. */
const score = (tile: AttentionTile, name: string, from: string, r: number): string[] =>
  tile.scores.cap === null
    ? dot(tile, "s", name, from, r)
    : [...dot(tile, "dot", name, from, r), `let s${r} = ${cappedScore(tile.scores, `dot${r}`)};`];

export const FORWARD_BINDINGS: Names = [
  ["q", "read"],
  ["k", "read"],
  ["v", "read"],
  ["out", "read_write"],
  ["lse", "read_write"],
];

/** Bindings q, k, v, out, lse. Softmax online over the blocks (arXiv 2205.14135, algorithm 1). */
export const forwardTile = (tile: AttentionTile): string => {
  const { scores } = tile;
  const rows = range(tile.rows);
  return text(FORWARD_BINDINGS, [
    ...queryRows(tile),
    ...ownRows(tile, "q", "q", (r) => `at${r}`, " * p.scale"),
    ...rows.flatMap((r) => [`var most${r} = -3.0e38;`, `var total${r} = 0.0;`]),
    ...accumulators(tile, "o"),
    ...blocks(tile),
    ...blockRows(tile, ["k", "v"], sourceRow(tile)),
    ...rows.flatMap((r) => [
      ...dot(tile, "dot", "q", "k", r),
      `let s${r} = select(-3.0e38, ${cappedScore(scores, `dot${r}`)}, ${sees(tile, r)});`,
    ]),
    ...rows.flatMap((r) =>
      acrossLanes(tile, `m${r}`, `max(most${r}, s${r})`, (a, b) => `max(${a}, ${b})`),
    ),
    ...rows.map((r) => `let shrink${r} = exp(most${r} - m${r});`),
    ...rows.map((r) => `let e${r} = exp(s${r} - m${r});`),
    ...rows.flatMap((r) => [
      `most${r} = m${r};`,
      `total${r} = fma(total${r}, shrink${r}, e${r});`,
      ...weighted(tile, "o", "e", "v", r, ` * shrink${r}`),
    ]),
    "}",
    ...rows.flatMap((r) => acrossLanes(tile, `sum${r}`, `total${r}`, (a, b) => `${a} + ${b}`)),
    ...write(tile, "out", "count", (r, j) => `o${r}_${j} / sum${r}`),
    ...rows.map(
      (r) =>
        `if (lane == 0u && own + ${r}u < count) { lse[p.lse + at${r}] = most${r} + log(sum${r}); }`,
    ),
  ]);
};

export const GRADIENT_INPUTS: Names = [
  ["q", "read"],
  ["k", "read"],
  ["v", "read"],
  ["lse", "read"],
  ["dOut", "read"],
  ["delta", "read"],
];

/** Bindings q, k, v, lse, dOut, delta, dq. */
export const gradQueryTile = (tile: AttentionTile): string => {
  const { scores } = tile;
  const rows = range(tile.rows);
  return text(
    [...GRADIENT_INPUTS, ["dq", "read_write"]],
    [
      ...queryRows(tile),
      ...ownRows(tile, "q", "q", (r) => `at${r}`, " * p.scale"),
      ...ownRows(tile, "g", "dOut", (r) => `at${r}`),
      ...rows.flatMap((r) => [
        `let lse${r} = lse[p.lse + at${r}];`,
        `let delta${r} = delta[p.lse + at${r}];`,
      ]),
      ...accumulators(tile, "d"),
      ...blocks(tile),
      ...blockRows(tile, ["k", "v"], sourceRow(tile)),
      ...rows.flatMap((r) => [
        ...score(tile, "q", "k", r),
        ...dot(tile, "dp", "g", "v", r),
        `let e${r} = select(0.0, exp(s${r} - lse${r}), ${sees(tile, r)});`,
        `let ds${r} = e${r} * (dp${r} - delta${r}) * p.scale${capSlope(scores, `s${r}`)};`,
        ...weighted(tile, "d", "ds", "k", r),
      ]),
      "}",
      ...write(tile, "dq", "count", (r, j) => `d${r}_${j}`),
    ],
  );
};

/** The query row of a lane of the block, in [batch, position, groups, queries]. */
export const headOf = (lane: string): string =>
  `((start + min(base + ${lane}, p.position - 1u)) * p.groups + group) * p.queries + query`;

/** Where the row of a head begins. */
export const headRow =
  (tile: AttentionTile) =>
  (lane: string): string =>
    `(${headOf(lane)}) * ${tile.dim}u + p.rows`;

/** The tile's key rows: `at${r}` is the row in [batch, position, groups], `pos${r}` its position. */
export const keyRows = (tile: AttentionTile): string[] => [
  ...owner(tile, "p.position"),
  ...range(tile.rows).flatMap((r) => [
    `let pos${r} = min(own + ${r}u, count - 1u);`,
    `let at${r} = (start + pos${r}) * p.groups + group;`,
  ]),
];

/** The blocks of positions that see the tile's rows, for one query head after the other. */
export const headBlocks = (tile: AttentionTile): string[] => [
  `let end = ${endOfSight(tile.scores, `pos${tile.rows - 1}`)};`,
  "for (var query = 0u; query < p.queries; query++) {",
  `for (var base = own; base < end; base += ${tile.lanes}u) {`,
  "let position = base + lane;",
  `let head = ${headOf("lane")};`,
  "let rowLse = lse[p.lse + head];",
  "let rowDelta = delta[p.lse + head];",
];

/** Whether this lane's position sees the tile's row r. */
export const seen = ({ scores }: AttentionTile, r: number): string =>
  `position >= pos${r} && position < p.position${nearEnough(scores, `pos${r}`, "position")}`;

/** Bindings q, k, v, lse, dOut, delta, dk, dv. The tile is of key rows; its query heads are walked one after the other. */
export const gradKeyValueTile = (tile: AttentionTile): string => {
  const { scores } = tile;
  const rows = range(tile.rows);
  return text(
    [...GRADIENT_INPUTS, ["dk", "read_write"], ["dv", "read_write"]],
    [
      ...keyRows(tile),
      ...ownRows(tile, "k", "k", (r) => `at${r}`, " * p.scale"),
      ...ownRows(tile, "v", "v", (r) => `at${r}`),
      ...accumulators(tile, "dk"),
      ...accumulators(tile, "dv"),
      ...headBlocks(tile),
      ...blockRows(tile, ["q", "dOut"], headRow(tile)),
      ...rows.flatMap((r) => [
        ...score(tile, "k", "q", r),
        ...dot(tile, "dp", "v", "dOut", r),
        `let sees${r} = ${seen(tile, r)};`,
        `let e${r} = select(0.0, exp(s${r} - rowLse), sees${r});`,
        `let ds${r} = e${r} * (dp${r} - rowDelta) * p.scale${capSlope(scores, `s${r}`)};`,
        ...weighted(tile, "dv", "e", "dOut", r),
        ...weighted(tile, "dk", "ds", "q", r),
      ]),
      "}",
      "}",
      ...write(tile, "dk", "count", (r, j) => `dk${r}_${j}`),
      ...write(tile, "dv", "count", (r, j) => `dv${r}_${j}`),
    ],
  );
};
