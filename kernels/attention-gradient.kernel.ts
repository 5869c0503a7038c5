/**
 * Adjoints of causal attention. Probabilities are recomputed as exp(score − lse); one kernel owns query rows (dQ), one
 * owns key rows (dK, dV) and loops over the query heads of its group, so that nothing is written twice.
 */
import {
  ATTENTION_WORKGROUP,
  type AttentionSpec,
  attentionHeader,
  attentionParams,
  each,
  queryRow,
  tileVariants,
} from "./attention.kernel.js";
import { gradKeyValueTile, gradQueryTile } from "./attention-tile.js";
import { foldGroups, type KernelCall, type Variant } from "./kernel.js";

const queryWgsl = (dim: number): string =>
  `${attentionHeader([
    ["q", "read"],
    ["k", "read"],
    ["v", "read"],
    ["lse", "read"],
    ["dOut", "read"],
    ["delta", "read"],
    ["dq", "read_write"],
  ])}${queryRow}  let own = p.rows + id * ${dim}u;
${each(
  dim,
  (i) => `  let q${i} = q[own + ${i}u] * p.scale;
  let g${i} = dOut[own + ${i}u];
  var d${i} = 0.0;`,
)}
  let rowLse = lse[lseAt];
  let rowDelta = delta[lseAt];
  for (var source = 0u; source <= position; source++) {
    let row = p.keys + (first + source * p.groups) * ${dim}u;
    var s = 0.0;
    var dp = 0.0;
${each(dim, (i) => `    let k${i} = k[row + ${i}u];\n    s = fma(q${i}, k${i}, s);\n    dp = fma(g${i}, v[row + ${i}u], dp);`)}
    let ds = exp(s - rowLse) * (dp - rowDelta) * p.scale;
${each(dim, (i) => `    d${i} = fma(ds, k${i}, d${i});`)}
  }
${each(dim, (i) => `  dq[own + ${i}u] = d${i};`)}
}
`;

const keyValueWgsl = (dim: number): string =>
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
${each(
  dim,
  (i) => `  let k${i} = k[own + ${i}u] * p.scale;
  let v${i} = v[own + ${i}u];
  var dk${i} = 0.0;
  var dv${i} = 0.0;`,
)}
  for (var position = source; position < p.position; position++) {
    for (var query = 0u; query < p.queries; query++) {
      let head = ((start + position) * p.groups + group) * p.queries + query;
      let row = p.rows + head * ${dim}u;
      var s = 0.0;
      var dp = 0.0;
${each(
  dim,
  (i) => `      let q${i} = q[row + ${i}u];
      let g${i} = dOut[row + ${i}u];
      s = fma(q${i}, k${i}, s);
      dp = fma(g${i}, v${i}, dp);`,
)}
      let e = exp(s - lse[p.lse + head]);
      let ds = e * (dp - delta[p.lse + head]) * p.scale;
${each(dim, (i) => `      dv${i} = fma(e, g${i}, dv${i});\n      dk${i} = fma(ds, q${i}, dk${i});`)}
    }
  }
${each(dim, (i) => `  dk[own + ${i}u] = dk${i};\n  dv[own + ${i}u] = dv${i};`)}
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
  shape: `p${spec.position} d${spec.dim}`,
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
  flops:
    products * spec.batch * spec.position * spec.position * spec.groups * spec.queries * spec.dim,
  bytes: 4 * spec.batch * spec.position * spec.groups * spec.queries * spec.dim * 6,
});

/** Operands q, k, v, lse, dOut, delta, dq; delta = Σ over dim of out · dOut. */
export const attentionGradQuery = (spec: AttentionSpec): KernelCall =>
  call(
    spec,
    "attention gradient of queries",
    ["dq"],
    queryWgsl(spec.dim),
    spec.batch * spec.position * spec.groups * spec.queries,
    3,
    tileVariants(spec, gradQueryTile, spec.position * spec.queries, { 4: 16, 8: 8 }),
  );

/** Operands q, k, v, lse, dOut, delta, dk, dv. */
export const attentionGradKeyValue = (spec: AttentionSpec): KernelCall =>
  call(
    spec,
    "attention gradient of keys and values",
    ["dk", "dv"],
    keyValueWgsl(spec.dim),
    spec.batch * spec.position * spec.groups,
    4,
    tileVariants(spec, gradKeyValueTile, spec.position, { 4: 8, 8: 8 }),
  );
