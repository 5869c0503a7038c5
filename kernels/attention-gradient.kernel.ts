/**
 * Adjoints of causal attention. Probabilities are recomputed as exp(score − lse); one kernel owns query rows (dQ), one
 * owns key rows (dK, dV) and loops over the query heads of its group, so that nothing is written twice.
 */
import {
  ATTENTION_WORKGROUP,
  type AttentionSpec,
  attentionFlops,
  attentionHeader,
  attentionParams,
  attentionShape,
  eachOf,
  queryRow,
  remembered,
  ruleOf,
  type TileTexts,
  tileVariants,
} from "./attention.kernel.js";
import { gradKeyValueLoop, gradQueryLoop } from "./attention-loop.js";
import { capLine, capSlope, endOfSight, firstSource, type ScoreRule } from "./attention-scores.js";
import { gradKeyValueTile, gradQueryTile } from "./attention-tile.js";
import { foldGroups, type KernelCall, type Variant } from "./kernel.js";

const queryWgsl = (dim: number, rule: ScoreRule): string =>
  `${attentionHeader([
    ["q", "read"],
    ["k", "read"],
    ["v", "read"],
    ["lse", "read"],
    ["dOut", "read"],
    ["delta", "read"],
    ["dq", "read_write"],
  ])}${queryRow}  let own = p.rows + id * ${dim}u;
  var mine: array<f32, ${dim}>;
  var given: array<f32, ${dim}>;
  var sums: array<f32, ${dim}>;
  ${eachOf(dim, "mine[i] = q[own + i] * p.scale; given[i] = dOut[own + i];")}
  let rowLse = lse[lseAt];
  let rowDelta = delta[lseAt];
  for (var source = ${firstSource(rule, "position")}; source <= position; source++) {
    let row = p.keys + (first + source * p.groups) * ${dim}u;
    var s = 0.0;
    var dp = 0.0;
    ${eachOf(dim, "s = fma(mine[i], k[row + i], s); dp = fma(given[i], v[row + i], dp);")}
${capLine(rule)}    let ds = exp(s - rowLse) * (dp - rowDelta) * p.scale${capSlope(rule, "s")};
    ${eachOf(dim, "sums[i] = fma(ds, k[row + i], sums[i]);")}
  }
  ${eachOf(dim, "dq[own + i] = sums[i];")}
}
`;

const keyValueWgsl = (dim: number, rule: ScoreRule): string =>
  `${attentionHeader([
    ["q", "read"],
    ["k", "read"],
    ["v", "read"],
    ["lse", "read"],
    ["dOut", "read"],
    ["delta", "read"],
    ["dk", "read_write"],
    ["dv", "read_write"],
  ])}  if (id >= p.batch * p.position * p.groups) { return; }
  let group = id % p.groups;
  let at = id / p.groups;
  let source = at % p.position;
  let start = at - source;
  let own = p.keys + id * ${dim}u;
  var key: array<f32, ${dim}>;
  var value: array<f32, ${dim}>;
  var keySums: array<f32, ${dim}>;
  var valueSums: array<f32, ${dim}>;
  ${eachOf(dim, "key[i] = k[own + i] * p.scale; value[i] = v[own + i];")}
  let end = ${endOfSight(rule, "source")};
  for (var position = source; position < end; position++) {
    for (var query = 0u; query < p.queries; query++) {
      let head = ((start + position) * p.groups + group) * p.queries + query;
      let row = p.rows + head * ${dim}u;
      var s = 0.0;
      var dp = 0.0;
      ${eachOf(dim, "s = fma(q[row + i], key[i], s); dp = fma(dOut[row + i], value[i], dp);")}
${capLine(rule)}      let e = exp(s - lse[p.lse + head]);
      let ds = e * (dp - delta[p.lse + head]) * p.scale${capSlope(rule, "s")};
      ${eachOf(dim, "valueSums[i] = fma(e, dOut[row + i], valueSums[i]); keySums[i] = fma(ds, q[row + i], keySums[i]);")}
    }
  }
  ${eachOf(dim, "dk[own + i] = keySums[i]; dv[own + i] = valueSums[i];")}
}
`;

const call = (
  spec: AttentionSpec,
  family: string,
  outputs: readonly string[],
  wgsl: string,
  rows: number,
  products: number,
  tiles: readonly Variant[],
): KernelCall => ({
  family,
  shape: attentionShape(spec),
  operands: [
    ...["q", "k", "v", "lse", "dOut", "delta"].map((name) => ({ name, access: "read" as const })),
    ...outputs.map((name) => ({ name, access: "read_write" as const })),
  ],
  params: attentionParams(spec),
  variants: [
    ...tiles,
    {
      name: "row",
      wgsl,
      workgroup: [ATTENTION_WORKGROUP, 1, 1],
      workgroups: foldGroups(Math.ceil(rows / ATTENTION_WORKGROUP)),
      features: [],
    },
  ],
  flops: attentionFlops(spec, products),
  bytes: 4 * spec.batch * spec.position * spec.groups * spec.queries * spec.dim * 6,
});

/** Two products a step, and two of sums: less area than the forward pass has. */
const QUERY_TEXTS: TileTexts = {
  unrolled: remembered(gradQueryTile),
  loop: remembered(gradQueryLoop),
  area: 384,
};
const KEY_VALUE_TEXTS: TileTexts = {
  unrolled: remembered(gradKeyValueTile),
  loop: remembered(gradKeyValueLoop),
  area: 384,
};

/** Operands q, k, v, lse, dOut, delta, dq; delta = Σ over dim of out · dOut. */
export const attentionGradQuery = (spec: AttentionSpec): KernelCall =>
  call(
    spec,
    "attention gradient of queries",
    ["dq"],
    queryWgsl(spec.dim, ruleOf(spec)),
    spec.batch * spec.position * spec.groups * spec.queries,
    3,
    tileVariants(spec, QUERY_TEXTS, spec.position * spec.queries, { 4: [9, 16], 8: 8 }),
  );

/** Operands q, k, v, lse, dOut, delta, dk, dv. */
export const attentionGradKeyValue = (spec: AttentionSpec): KernelCall =>
  call(
    spec,
    "attention gradient of keys and values",
    ["dk", "dv"],
    keyValueWgsl(spec.dim, ruleOf(spec)),
    spec.batch * spec.position * spec.groups,
    4,
    tileVariants(spec, KEY_VALUE_TEXTS, spec.position, { 4: [6, 12], 8: 8 }),
  );
