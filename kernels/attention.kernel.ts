/**
 * Causal attention with grouped heads, forward: one invocation per query row, softmax online over the sources
 * (arXiv 2205.14135), so that no score matrix exists. Keeps the log-sum-exp of each row for the gradient.
 */

import { ATTENTION_PARAMS, type AttentionTile, TILE_WORKGROUP } from "./attention-lanes.js";
import { forwardLoop } from "./attention-loop.js";
import {
  ALL_SCORES,
  capLine,
  firstSource,
  ruleName,
  type ScoreRule,
  sourcesSeen,
} from "./attention-scores.js";
import { forwardTile } from "./attention-tile.js";
import { floatBits, foldGroups, type KernelCall, type Variant } from "./kernel.js";

export interface AttentionSpec {
  readonly batch: number;
  readonly position: number;
  /** Key/value heads. */
  readonly groups: number;
  /** Query heads per group. */
  readonly queries: number;
  readonly dim: number;
  readonly scale: number;
  /** Default: every score counts as it is. */
  readonly scores?: ScoreRule;
  /** First element of this piece's batches in the bindings of q (and its like), of k and v, of lse (and delta); default 0. */
  readonly bases?: { readonly rows: number; readonly keys: number; readonly lse: number };
}

export const ATTENTION_WORKGROUP = 64;

export const eachOf = (count: number, line: string): string =>
  `for (var i = 0u; i < ${count}u; i++) { ${line} }`;

export const attentionParams = (spec: AttentionSpec): number[] => [
  spec.batch,
  spec.position,
  spec.groups,
  spec.queries,
  floatBits(spec.scale),
  spec.bases?.rows ?? 0,
  spec.bases?.keys ?? 0,
  spec.bases?.lse ?? 0,
];

export const attentionHeader = (
  bindings: readonly (readonly [string, "read" | "read_write"])[],
): string =>
  `${ATTENTION_PARAMS}
@group(0) @binding(0) var<uniform> p: Params;
${bindings.map(([name, access], i) => `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name}: array<f32>;`).join("\n")}

@compute @workgroup_size(${ATTENTION_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let id = (w.x + w.y * 65535u) * ${ATTENTION_WORKGROUP}u + l.x;
`;

/** Query row `id` of [batch, position, groups, queries]: its group's key head is at kv of [batch, position, groups]. */
export const queryRow = `  if (id >= p.batch * p.position * p.groups * p.queries) { return; }
  let group = (id / p.queries) % p.groups;
  let at = id / (p.queries * p.groups);
  let position = at % p.position;
  let first = (at - position) * p.groups + group;
  let lseAt = p.lse + id;
`;

/**
 * Rows of a tile by lanes of its group: the fastest of those tried, on SwiftShader (4) and lavapipe (8). Of 4 lanes a small
 * tile, whose loop is about the 32 KB of an instruction cache, and a large one, which does more a load; both give the same bits.
 */
export interface TileRows {
  readonly 4: readonly [small: number, large: number];
  readonly 8: number;
}

/** The text of a tile: with all of a block's steps written out, or in loops, where `area` is rows × dim at most. */
export interface TileTexts {
  readonly unrolled: (tile: AttentionTile) => string;
  readonly loop: (tile: AttentionTile) => string;
  readonly area: number;
}

/** Keeps what was written of each tile: a plan asks for the same few hundreds of times. */
export const remembered = (
  write: (tile: AttentionTile) => string,
): ((tile: AttentionTile) => string) => {
  const texts = new Map<string, string>();
  return (tile) => {
    const key = JSON.stringify(tile);
    const text = texts.get(key) ?? write(tile);
    texts.set(key, text);
    return text;
  };
};

/** Longer rows of dim are walked in loops. */
const MOST_UNROLLED = 16;

/** As large as the lanes' shares of a row and where pieces begin allow. */
const vectorFor = ({ dim, bases }: AttentionSpec, lanes: number): AttentionTile["vector"] => {
  const fits = (vector: number): boolean =>
    dim % (vector * lanes) === 0 &&
    [bases?.rows ?? 0, bases?.keys ?? 0].every((base) => base % vector === 0);
  if (fits(4)) return 4;
  return fits(2) ? 2 : 1;
};

const VECTOR_NAMES = { 1: "", 2: " in pairs", 4: " in fours" } as const;

/**
 * Groups of 4 lanes where a subgroup is one of these, and where a subgroup may have any size from 4 on, as Dawn says of
 * Metal's; groups of 8 where none is smaller. `perGroup` rows are to be tiled in each.
 */
export const tileVariants = (
  spec: AttentionSpec,
  texts: TileTexts,
  perGroup: number,
  most: TileRows,
): Variant[] => {
  const unrolled = spec.dim <= MOST_UNROLLED;
  const looped = Math.max(1, Math.min(8, Math.floor(texts.area / spec.dim)));
  const ofFour = unrolled ? most[4] : [looped];
  const of = (lanes: 4 | 8, rows: number, sizes: string, orMore = ""): Variant => {
    const wgsl = unrolled ? texts.unrolled : texts.loop;
    const vector = vectorFor(spec, lanes);
    const tiles = spec.batch * Math.ceil(perGroup / rows) * spec.groups;
    return {
      name: `tile${rows} of ${lanes} lanes${orMore}${VECTOR_NAMES[vector]}`,
      wgsl: wgsl({ dim: spec.dim, lanes, rows, scores: ruleOf(spec), vector }),
      workgroup: [TILE_WORKGROUP, 1, 1],
      workgroups: foldGroups(Math.ceil((tiles * lanes) / TILE_WORKGROUP)),
      features: ["subgroups", sizes],
    };
  };
  return [
    ...ofFour.map((rows) => of(4, rows, "subgroups-of-4")),
    of(8, unrolled ? most[8] : looped, "subgroups-of-8-or-more"),
    of(4, Math.max(...ofFour), "subgroups-from-4", " or more"),
  ];
};

export const ruleOf = ({ scores }: AttentionSpec): ScoreRule => scores ?? ALL_SCORES;

/** What tuning tells calls apart by. */
export const attentionShape = (spec: AttentionSpec): string =>
  `p${spec.position} d${spec.dim}${ruleName(ruleOf(spec))}`;

/** Of so many products of queries with what they see. */
export const attentionFlops = (spec: AttentionSpec, products: number): number =>
  2 *
  products *
  (spec.batch * spec.groups * spec.queries * spec.dim) *
  sourcesSeen(ruleOf(spec), spec.position);

/** In loops over dim, so that a text is short whatever dim is: compilers of GPUs unroll them, others are slow at long texts. */
const wgsl = (dim: number, rule: ScoreRule): string =>
  `${attentionHeader([
    ["q", "read"],
    ["k", "read"],
    ["v", "read"],
    ["out", "read_write"],
    ["lse", "read_write"],
  ])}${queryRow}  let own = p.rows + id * ${dim}u;
  var mine: array<f32, ${dim}>;
  var sums: array<f32, ${dim}>;
  ${eachOf(dim, "mine[i] = q[own + i] * p.scale;")}
  var most = -3.0e38;
  var total = 0.0;
  for (var source = ${firstSource(rule, "position")}; source <= position; source++) {
    let row = p.keys + (first + source * p.groups) * ${dim}u;
    var s = 0.0;
    ${eachOf(dim, "s = fma(mine[i], k[row + i], s);")}
${capLine(rule)}    let m = max(most, s);
    let shrink = exp(most - m);
    let e = exp(s - m);
    most = m;
    total = fma(total, shrink, e);
    ${eachOf(dim, "sums[i] = fma(sums[i], shrink, e * v[row + i]);")}
  }
  ${eachOf(dim, "out[own + i] = sums[i] / total;")}
  lse[lseAt] = most + log(total);
}
`;

/** What compiles on lavapipe in 2 s; twice the area takes 6, and is a fifth faster. */
const FORWARD: TileTexts = {
  unrolled: remembered(forwardTile),
  loop: remembered(forwardLoop),
  area: 512,
};

/** Operands q, k, v, out, lse. q and out [batch, position, groups, queries, dim], k and v without queries, lse without dim. */
export const attention = (spec: AttentionSpec): KernelCall => {
  const rows = spec.batch * spec.position * spec.groups * spec.queries;
  return {
    family: "attention",
    shape: attentionShape(spec),
    operands: [
      { name: "q", access: "read" },
      { name: "k", access: "read" },
      { name: "v", access: "read" },
      { name: "out", access: "read_write" },
      { name: "lse", access: "read_write" },
    ],
    params: attentionParams(spec),
    variants: [
      ...tileVariants(spec, FORWARD, spec.position * spec.queries, { 4: [10, 16], 8: 8 }),
      {
        name: "row",
        wgsl: wgsl(spec.dim, ruleOf(spec)),
        workgroup: [ATTENTION_WORKGROUP, 1, 1],
        workgroups: foldGroups(Math.ceil(rows / ATTENTION_WORKGROUP)),
        features: [],
      },
    ],
    flops: attentionFlops(spec, 2),
    bytes: 4 * rows * spec.dim * 4,
  };
};
