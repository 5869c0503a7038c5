/**
 * Causal attention by groups of lanes that lie side by side in a subgroup, forward and backward. A group owns a tile of
 * rows and walks the other side in blocks of one row a lane; of every row a lane holds the elements of dim that are its
 * own. Of step t of a block, lane l holds its elements of row l ^ t: what a lane has summed for another's row goes there
 * by one exchange, and comes back as that row's weight. So each load, of distinct values in every lane, serves all rows
 * of the tile, both for scores and for what they weigh. Loads are what costs on software adapters.
 */
import {
  type AttentionTile,
  acrossLanes,
  exchanged,
  inside,
  loadShares,
  type Names,
  rowStart,
  shares,
  storeShares,
  TILE_WORKGROUP,
  text,
} from "./attention-lanes.js";
import { cappedScore, capSlope, endOfSight, firstSource, nearEnough } from "./attention-scores.js";
import { range } from "./tile.js";

/** The tile's rows of `from` at `row(r)`, this lane's shares; zero past dim. */
const ownRows = (
  tile: AttentionTile,
  name: string,
  from: string,
  row: (r: number) => string,
  scale = "",
): string[] =>
  range(tile.rows).flatMap((r) => [
    ...loadShares(tile, `${name}${r}of`, from, rowStart(tile, row(r), from)),
    ...shares(tile).map((j) => {
      const value = `${name}${r}of_${j}${scale}`;
      const guard = inside(tile, j);
      return `let ${name}${r}_${j} = ${guard === null ? value : `select(0.0, ${value}, ${guard})`};`;
    }),
  ]);

/** Where the row of a lane of the block begins in a tensor's binding. */
export type RowOf = (lane: string, tensor: string) => string;

interface Dot {
  /** ${into}${r}: the product of the tile's row r of `own` with the row of `other` that is this lane's in the block. */
  readonly into: string;
  readonly own: string;
  readonly other: string;
}

/** Step by step, each after its loads: SwiftShader writes a factor back to memory at each use but the last before a load. */
const dots = (tile: AttentionTile, list: readonly Dot[], rowOf: RowOf): string[] =>
  range(tile.lanes).flatMap((t) => [
    ...list.flatMap(({ other }) => {
      const start = `start${other}${t}`;
      return [
        `let ${start} = ${rowOf(`(lane ^ ${t}u)`, other)};`,
        ...loadShares(tile, `${other}${t}`, other, start),
      ];
    }),
    ...range(tile.rows).flatMap((r) =>
      list.map(({ into, own, other }) => {
        const part = shares(tile).reduce(
          (sum, j) =>
            j === 0
              ? `${own}${r}_0 * ${other}${t}_0`
              : `fma(${own}${r}_${j}, ${other}${t}_${j}, ${sum})`,
          "",
        );
        const to = t === tile.lanes - 1 ? `${into}${r}` : `${into}${r}_${t}`;
        return `let ${to} = ${t === 0 ? part : `${into}${r}_${t - 1} + ${exchanged(tile, part, t)}`};`;
      }),
    ),
  ]);

/** Adds the block's rows of `from`, each by the weight that its lane has for the tile's row r, to `into`. */
const weighted = (
  tile: AttentionTile,
  into: string,
  weight: string,
  from: string,
  r: number,
): string[] => [
  ...range(tile.lanes).map(
    (t) => `let ${weight}${r}_${t} = ${exchanged(tile, `${weight}${r}`, t)};`,
  ),
  ...shares(tile).map((j) => {
    const sum = range(tile.lanes).reduce(
      (inner, t) => `fma(${weight}${r}_${t}, ${from}${t}_${j}, ${inner})`,
      `${into}${r}_${j}`,
    );
    return `${into}${r}_${j} = ${sum};`;
  }),
];

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
    `let start${r} = ${rowStart(tile, `at${r}`, to)};`,
    ...storeShares(tile, to, `start${r}`, (j) => value(r, j)),
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
  (tile: AttentionTile): RowOf =>
  (lane, tensor) =>
    rowStart(tile, `first + min(base + ${lane}, p.position - 1u) * p.groups`, tensor);

/** Blocks are the same whichever tile walks them, so that what a row sums up is summed up in the same order by all tiles. */
const aligned = ({ lanes }: AttentionTile, from: string): string => `${from} & ~${lanes - 1}u`;

/** The first block of sources that the tile's rows see between them. */
const firstBlock = (tile: AttentionTile): string =>
  tile.scores.within === null ? "0u" : aligned(tile, firstSource(tile.scores, "pos0"));

/** The first block of positions that see the tile's rows. */
const firstHeadBlock = (tile: AttentionTile): string =>
  tile.rows % tile.lanes === 0 ? "own" : aligned(tile, "own");

/** The blocks of sources, from the first on, that the tile's rows see between them. */
export const blocks = (tile: AttentionTile, first: string): string[] => [
  `for (var base = ${first}; base <= pos${tile.rows - 1}; base += ${tile.lanes}u) {`,
  "let source = base + lane;",
];

/** Whether the tile's row r sees this lane's source. */
export const sees = ({ scores }: AttentionTile, r: number): string =>
  `(source <= pos${r})${nearEnough(scores, "source", `pos${r}`)}`;

const scoreOf = (tile: AttentionTile, r: number): string =>
  `let s${r} = ${cappedScore(tile.scores, `dot${r}`)};`;

export const FORWARD_BINDINGS: Names = [
  ["q", "read"],
  ["k", "read"],
  ["v", "read"],
  ["out", "read_write"],
  ["lse", "read_write"],
];

/**
 * A row's reference is taken anew where a score of its own exceeds it by more, whatever the tile's other rows see: sums of
 * powers of e up to this are far from overflow.
 */
const SLACK = 16;

/** over: not 0 where a score of the block is above its row's limit; the same in all lanes of the group. */
const excess = (tile: AttentionTile): string[] => {
  const any = range(tile.rows)
    .map((r) => `(s${r} > limit${r})`)
    .join(" | ");
  return acrossLanes(tile, "over", `select(0u, 1u, ${any})`, (a, b) => `(${a} | ${b})`);
};

/** s${r}: scores of the block's sources, far below all others where the row does not see them. */
const blockScores = (tile: AttentionTile): string[] => [
  ...dots(tile, [{ into: "dot", own: "q", other: "k" }], sourceRow(tile)),
  ...range(tile.rows).map(
    (r) => `let s${r} = select(-3.0e38, ${cappedScore(tile.scores, `dot${r}`)}, ${sees(tile, r)});`,
  ),
];

/**
 * Bindings q, k, v, out, lse. Softmax online over the blocks (arXiv 2205.14135, algorithm 1), of which each row's
 * reference is not its largest score so far but one that was, as long as none exceeds it by much: so the sums are rarely
 * scaled anew, which is outside of the loop over blocks, as software runs what is under a condition in any case.
 */
export const forwardTile = (tile: AttentionTile): string => {
  const rows = range(tile.rows);
  return text(tile, FORWARD_BINDINGS, [
    ...queryRows(tile),
    ...ownRows(tile, "q", "q", (r) => `at${r}`, " * p.scale"),
    ...rows.flatMap((r) => [`var most${r} = -3.0e38;`, `var total${r} = 0.0;`]),
    ...accumulators(tile, "o"),
    `let last = pos${tile.rows - 1};`,
    `var base = ${firstBlock(tile)};`,
    "while (base <= last) {",
    "{",
    "let source = base + lane;",
    ...blockScores(tile),
    ...rows.flatMap((r) => [
      ...acrossLanes(tile, `largest${r}`, `s${r}`, (a, b) => `max(${a}, ${b})`),
      `let m${r} = select(most${r}, largest${r}, largest${r} > most${r} + ${SLACK}.0);`,
      `let shrink${r} = exp(most${r} - m${r});`,
      `most${r} = m${r};`,
      `total${r} *= shrink${r};`,
      ...shares(tile).map((j) => `o${r}_${j} *= shrink${r};`),
    ]),
    "}",
    "let taken = base;",
    ...rows.map((r) => `let limit${r} = most${r} + ${SLACK}.0;`),
    `for (; base <= last; base += ${tile.lanes}u) {`,
    "let source = base + lane;",
    ...blockScores(tile),
    ...excess(tile),
    "if ((over != 0u) & (base != taken)) { break; }",
    ...rows.flatMap((r) => [`let e${r} = exp(s${r} - most${r});`, `total${r} += e${r};`]),
    ...range(tile.lanes).flatMap((t) => [
      `let startv${t} = ${sourceRow(tile)(`(lane ^ ${t}u)`, "v")};`,
      ...loadShares(tile, `v${t}`, "v", `startv${t}`),
    ]),
    ...rows.flatMap((r) => weighted(tile, "o", "e", "v", r)),
    "}",
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
    tile,
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
      ...blocks(tile, firstBlock(tile)),
      ...dots(
        tile,
        [
          { into: "dot", own: "q", other: "k" },
          { into: "dp", own: "g", other: "v" },
        ],
        sourceRow(tile),
      ),
      ...rows.flatMap((r) => [
        scoreOf(tile, r),
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
  (tile: AttentionTile): RowOf =>
  (lane, tensor) =>
    rowStart(tile, headOf(lane), tensor);

/** The tile's key rows: `at${r}` is the row in [batch, position, groups], `pos${r}` its position. */
export const keyRows = (tile: AttentionTile): string[] => [
  ...owner(tile, "p.position"),
  ...range(tile.rows).flatMap((r) => [
    `let pos${r} = min(own + ${r}u, count - 1u);`,
    `let at${r} = (start + pos${r}) * p.groups + group;`,
  ]),
];

/** The blocks of positions, from the first on, that see the tile's rows, for one query head after the other. */
export const headBlocks = (tile: AttentionTile, first: string): string[] => [
  `let end = ${endOfSight(tile.scores, `pos${tile.rows - 1}`)};`,
  "for (var query = 0u; query < p.queries; query++) {",
  `for (var base = ${first}; base < end; base += ${tile.lanes}u) {`,
  "let position = base + lane;",
  "let exists = position < p.position;",
  `let head = ${headOf("lane")};`,
  "let rowLse = lse[p.lse + head];",
  "let rowDelta = delta[p.lse + head];",
];

/** Whether this lane's position sees the tile's row r. */
export const seen = ({ scores }: AttentionTile, r: number): string =>
  `exists & (position >= pos${r})${nearEnough(scores, `pos${r}`, "position")}`;

/** Bindings q, k, v, lse, dOut, delta, dk, dv. The tile is of key rows; its query heads are walked one after the other. */
export const gradKeyValueTile = (tile: AttentionTile): string => {
  const { scores } = tile;
  const rows = range(tile.rows);
  return text(
    tile,
    [...GRADIENT_INPUTS, ["dk", "read_write"], ["dv", "read_write"]],
    [
      ...keyRows(tile),
      ...ownRows(tile, "k", "k", (r) => `at${r}`, " * p.scale"),
      ...ownRows(tile, "v", "v", (r) => `at${r}`),
      ...accumulators(tile, "dk"),
      ...accumulators(tile, "dv"),
      ...headBlocks(tile, firstHeadBlock(tile)),
      ...dots(
        tile,
        [
          { into: "dot", own: "k", other: "q" },
          { into: "dp", own: "v", other: "dOut" },
        ],
        headRow(tile),
      ),
      ...rows.flatMap((r) => [
        scoreOf(tile, r),
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
