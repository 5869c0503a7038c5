/**
 * The tiles of attention-tile.ts with the steps of a block in loops. Unrolled, a text grows with rows × dim, and what
 * compiles it takes seconds; in loops it grows with rows × dim / lanes, so that tiles of long rows may have as many rows
 * as pay: each load of a key serves all of them.
 */

import {
  type AttentionTile,
  acrossLanes,
  inside,
  loadShares,
  rowStart,
  shares,
  storeShares,
  text,
} from "./attention-lanes.js";
import { cappedScore, capSlope, firstSource } from "./attention-scores.js";
import {
  blocks,
  FORWARD_BINDINGS,
  GRADIENT_INPUTS,
  headBlocks,
  headRow,
  keyRows,
  queryRows,
  type RowOf,
  seen,
  sees,
  sourceRow,
} from "./attention-tile.js";
import { range } from "./tile.js";

/** Steps of a block at once where sums are touched, which are memory. */
const AT_ONCE = 2;

/** Shares of the tile's rows: an array that a loop indexes once, so that it is memory and not carried by loops. */
const rowsArray = (tile: AttentionTile, name: string): string =>
  `var ${name}: array<f32, ${tile.rows * shares(tile).length}>;`;

const shareOf = (tile: AttentionTile, name: string, r: number, j: number): string =>
  `${name}[${r * shares(tile).length + j}]`;

/** Row own + r, at most the last, in [batch, position, groups, queries], or without queries. */
const QUERY =
  "((start + min(own + r, count - 1u) / p.queries) * p.groups + group) * p.queries + min(own + r, count - 1u) % p.queries";
const KEY = "(start + min(own + r, count - 1u)) * p.groups + group";

/** This lane's shares of the tile's rows of `from`; zero past dim. In a loop, as each load is a long text by itself. */
const ownRows = (
  tile: AttentionTile,
  name: string,
  from: string,
  rowOf: string,
  scale = "",
): string[] => [
  rowsArray(tile, name),
  `for (var r = 0u; r < ${tile.rows}u; r++) {`,
  `let row = ${rowStart(tile, rowOf, from)};`,
  ...loadShares(tile, "mine", from, "row"),
  ...shares(tile).map((j) => {
    const value = `mine_${j}${scale}`;
    const guard = inside(tile, j);
    return `${name}[r * ${shares(tile).length}u + ${j}u] = ${guard === null ? value : `select(0.0, ${value}, ${guard})`};`;
  }),
  "}",
];

/** In a loop too, which keeps sums in memory. */
const write = (tile: AttentionTile, to: string, from: string, rowOf: string): string[] => [
  `for (var r = 0u; r < ${tile.rows}u && own + r < count; r++) {`,
  `let row = ${rowStart(tile, rowOf, to)};`,
  ...storeShares(tile, to, "row", (j) => `${from}[r * ${shares(tile).length}u + ${j}u]`),
  "}",
];

interface Product {
  /** ${into}${r}: the product of the tile's row r of `own` with the row of `other` that is this lane's in the block. */
  readonly into: string;
  readonly own: string;
  readonly other: string;
}

/** `rowOf` is where the row of a lane of the block begins. */
const products = (tile: AttentionTile, list: readonly Product[], rowOf: RowOf): string[] => [
  ...list.flatMap(({ into }) => range(tile.rows).map((r) => `var ${into}${r} = 0.0;`)),
  `for (var t = 0u; t < ${tile.lanes}u; t++) {`,
  ...list.flatMap(({ into, own, other }) => [
    `let begin${other} = ${rowOf("(lane ^ t)", other)};`,
    ...loadShares(tile, other, other, `begin${other}`),
    ...range(tile.rows).map((r) => {
      const part = shares(tile).reduce(
        (inner, j) =>
          j === 0
            ? `${shareOf(tile, own, r, 0)} * ${other}_0`
            : `fma(${shareOf(tile, own, r, j)}, ${other}_${j}, ${inner})`,
        "",
      );
      return `${into}${r} += subgroupShuffleXor(${part}, t);`;
    }),
  ]),
  "}",
];

interface Sum {
  /** Adds to ${into} the block's rows of `other`, each by the weight ${weight}${r} that its lane has for the tile's row r. */
  readonly into: string;
  readonly weight: string;
  readonly other: string;
}

const sums = (tile: AttentionTile, list: readonly Sum[], rowOf: RowOf): string[] => [
  `for (var t = 0u; t < ${tile.lanes}u; t += ${AT_ONCE}u) {`,
  ...list.flatMap(({ into, weight, other }) => [
    ...range(AT_ONCE).flatMap((q) => [
      `let begin${other}${q} = ${rowOf(`(lane ^ (t + ${q}u))`, other)};`,
      ...loadShares(tile, `${other}${q}`, other, `begin${other}${q}`),
    ]),
    ...range(tile.rows).flatMap((r) => [
      ...range(AT_ONCE).map(
        (q) => `let ${weight}${r}_${q} = subgroupShuffleXor(${weight}${r}, t + ${q}u);`,
      ),
      ...shares(tile).map((j) => {
        const to = shareOf(tile, into, r, j);
        const value = range(AT_ONCE).reduce(
          (inner, q) => `fma(${weight}${r}_${q}, ${other}${q}_${j}, ${inner})`,
          to,
        );
        return `${to} = ${value};`;
      }),
    ]),
  ]),
  "}",
];

/** The score of the tile's row r with this lane's row of the block. */
const scoreOf = (tile: AttentionTile, r: number): string =>
  `let s${r} = ${cappedScore(tile.scores, `dot${r}`)};`;

/** Bindings q, k, v, out, lse. Softmax online over the blocks (arXiv 2205.14135, algorithm 1). */
export const forwardLoop = (tile: AttentionTile): string => {
  const rows = range(tile.rows);
  return text(tile, FORWARD_BINDINGS, [
    ...queryRows(tile),
    ...ownRows(tile, "ownQ", "q", QUERY, " * p.scale"),
    ...rows.flatMap((r) => [`var most${r} = -3.0e38;`, `var total${r} = 0.0;`]),
    rowsArray(tile, "o"),
    ...blocks(tile, firstSource(tile.scores, "pos0")),
    ...products(tile, [{ into: "dot", own: "ownQ", other: "k" }], sourceRow(tile)),
    ...rows.flatMap((r) => [
      `let s${r} = select(-3.0e38, ${cappedScore(tile.scores, `dot${r}`)}, ${sees(tile, r)});`,
      ...acrossLanes(tile, `m${r}`, `max(most${r}, s${r})`, (a, b) => `max(${a}, ${b})`),
      `let shrink${r} = exp(most${r} - m${r});`,
      `let e${r} = exp(s${r} - m${r});`,
      `most${r} = m${r};`,
      `total${r} = fma(total${r}, shrink${r}, e${r});`,
      ...shares(tile).map((j) => `${shareOf(tile, "o", r, j)} *= shrink${r};`),
    ]),
    ...sums(tile, [{ into: "o", weight: "e", other: "v" }], sourceRow(tile)),
    "}",
    ...rows.flatMap((r) => [
      ...acrossLanes(tile, `sum${r}`, `total${r}`, (a, b) => `${a} + ${b}`),
      ...shares(tile).map((j) => `${shareOf(tile, "o", r, j)} /= sum${r};`),
    ]),
    ...write(tile, "out", "o", QUERY),
    ...rows.map(
      (r) =>
        `if (lane == 0u && own + ${r}u < count) { lse[p.lse + at${r}] = most${r} + log(sum${r}); }`,
    ),
  ]);
};

/** Bindings q, k, v, lse, dOut, delta, dq. */
export const gradQueryLoop = (tile: AttentionTile): string => {
  const rows = range(tile.rows);
  return text(
    tile,
    [...GRADIENT_INPUTS, ["dq", "read_write"]],
    [
      ...queryRows(tile),
      ...ownRows(tile, "ownQ", "q", QUERY, " * p.scale"),
      ...ownRows(tile, "given", "dOut", QUERY),
      ...rows.flatMap((r) => [
        `let lse${r} = lse[p.lse + at${r}];`,
        `let delta${r} = delta[p.lse + at${r}];`,
      ]),
      rowsArray(tile, "d"),
      ...blocks(tile, firstSource(tile.scores, "pos0")),
      ...products(
        tile,
        [
          { into: "dot", own: "ownQ", other: "k" },
          { into: "dp", own: "given", other: "v" },
        ],
        sourceRow(tile),
      ),
      ...rows.flatMap((r) => [
        scoreOf(tile, r),
        `let e${r} = select(0.0, exp(s${r} - lse${r}), ${sees(tile, r)});`,
        `let ds${r} = e${r} * (dp${r} - delta${r}) * p.scale${capSlope(tile.scores, `s${r}`)};`,
      ]),
      ...sums(tile, [{ into: "d", weight: "ds", other: "k" }], sourceRow(tile)),
      "}",
      ...write(tile, "dq", "d", QUERY),
    ],
  );
};

/** Bindings q, k, v, lse, dOut, delta, dk, dv. */
export const gradKeyValueLoop = (tile: AttentionTile): string => {
  const rows = range(tile.rows);
  return text(
    tile,
    [...GRADIENT_INPUTS, ["dk", "read_write"], ["dv", "read_write"]],
    [
      ...keyRows(tile),
      ...ownRows(tile, "ownK", "k", KEY, " * p.scale"),
      ...ownRows(tile, "ownV", "v", KEY),
      rowsArray(tile, "dkSums"),
      rowsArray(tile, "dvSums"),
      ...headBlocks(tile, "own"),
      ...products(
        tile,
        [
          { into: "dot", own: "ownK", other: "q" },
          { into: "dp", own: "ownV", other: "dOut" },
        ],
        headRow(tile),
      ),
      ...rows.flatMap((r) => [
        scoreOf(tile, r),
        `let e${r} = select(0.0, exp(s${r} - rowLse), ${seen(tile, r)});`,
        `let ds${r} = e${r} * (dp${r} - rowDelta) * p.scale${capSlope(tile.scores, `s${r}`)};`,
      ]),
      ...sums(
        tile,
        [
          { into: "dvSums", weight: "e", other: "dOut" },
          { into: "dkSums", weight: "ds", other: "q" },
        ],
        headRow(tile),
      ),
      "}",
      "}",
      ...write(tile, "dk", "dkSums", KEY),
      ...write(tile, "dv", "dvSums", KEY),
    ],
  );
};
