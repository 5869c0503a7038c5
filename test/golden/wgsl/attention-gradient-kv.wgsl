enable subgroups;
diagnostic(off, subgroup_uniformity);
struct Params { batch: u32, position: u32, groups: u32, queries: u32, scale: f32, rows: u32, keys: u32, lse: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> lse: array<f32>;
@group(0) @binding(5) var<storage, read> dOut: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> dk: array<f32>;
@group(0) @binding(8) var<storage, read_write> dv: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32) {
  let blocks = (p.position + 1u) / 2u;
  let id = (w.x + w.y * 65535u) * 16u + l.x / 4u;
  if (id >= p.batch * blocks * p.groups) { return; }
  let group = id % p.groups;
  let block = id / p.groups;
  let start = (block / blocks) * p.position;
  let own = (block % blocks) * 2u;
  let pos0 = min(own + 0u, p.position - 1u);
  let at0 = (start + pos0) * p.groups + group;
  let k0_0 = k[at0 * 4u + 0u + p.keys] * p.scale;
  let k0_1 = k[at0 * 4u + 1u + p.keys] * p.scale;
  let k0_2 = k[at0 * 4u + 2u + p.keys] * p.scale;
  let k0_3 = k[at0 * 4u + 3u + p.keys] * p.scale;
  let v0_0 = v[at0 * 4u + 0u + p.keys];
  let v0_1 = v[at0 * 4u + 1u + p.keys];
  let v0_2 = v[at0 * 4u + 2u + p.keys];
  let v0_3 = v[at0 * 4u + 3u + p.keys];
  let pos1 = min(own + 1u, p.position - 1u);
  let at1 = (start + pos1) * p.groups + group;
  let k1_0 = k[at1 * 4u + 0u + p.keys] * p.scale;
  let k1_1 = k[at1 * 4u + 1u + p.keys] * p.scale;
  let k1_2 = k[at1 * 4u + 2u + p.keys] * p.scale;
  let k1_3 = k[at1 * 4u + 3u + p.keys] * p.scale;
  let v1_0 = v[at1 * 4u + 0u + p.keys];
  let v1_1 = v[at1 * 4u + 1u + p.keys];
  let v1_2 = v[at1 * 4u + 2u + p.keys];
  let v1_3 = v[at1 * 4u + 3u + p.keys];
  var dk0_0 = 0.0;
  var dk1_0 = 0.0;
  var dv0_0 = 0.0;
  var dv1_0 = 0.0;
  for (var query = 0u; query < p.queries; query++) {
  for (var base = own; base < p.position; base += 4u) {
  let position = base + lane;
  let head = ((start + min(position, p.position - 1u)) * p.groups + group) * p.queries + query;
  let own_row = head * 4u + p.rows;
  let rowLse = lse[p.lse + head];
  let rowDelta = delta[p.lse + head];
  var s0 = 0.0;
  var s1 = 0.0;
  var dp0 = 0.0;
  var dp1 = 0.0;
  let q_0 = q[own_row + 0u];
  s0 = fma(k0_0, q_0, s0);
  s1 = fma(k1_0, q_0, s1);
  let dOut_0 = dOut[own_row + 0u];
  dp0 = fma(v0_0, dOut_0, dp0);
  dp1 = fma(v1_0, dOut_0, dp1);
  let q_1 = q[own_row + 1u];
  s0 = fma(k0_1, q_1, s0);
  s1 = fma(k1_1, q_1, s1);
  let dOut_1 = dOut[own_row + 1u];
  dp0 = fma(v0_1, dOut_1, dp0);
  dp1 = fma(v1_1, dOut_1, dp1);
  let q_2 = q[own_row + 2u];
  s0 = fma(k0_2, q_2, s0);
  s1 = fma(k1_2, q_2, s1);
  let dOut_2 = dOut[own_row + 2u];
  dp0 = fma(v0_2, dOut_2, dp0);
  dp1 = fma(v1_2, dOut_2, dp1);
  let q_3 = q[own_row + 3u];
  s0 = fma(k0_3, q_3, s0);
  s1 = fma(k1_3, q_3, s1);
  let dOut_3 = dOut[own_row + 3u];
  dp0 = fma(v0_3, dOut_3, dp0);
  dp1 = fma(v1_3, dOut_3, dp1);
  let sees0 = position >= pos0 && position < p.position;
  let e0 = select(0.0, exp(s0 - rowLse), sees0);
  let ds0 = e0 * (dp0 - rowDelta) * p.scale;
  let sees1 = position >= pos1 && position < p.position;
  let e1 = select(0.0, exp(s1 - rowLse), sees1);
  let ds1 = e1 * (dp1 - rowDelta) * p.scale;
  let row0 = (((start + min(base + 0u, p.position - 1u)) * p.groups + group) * p.queries + query) * 4u + p.rows;
  let e0_0 = subgroupBroadcast(e0, 0u);
  let e1_0 = subgroupBroadcast(e1, 0u);
  let dOut0_0 = dOut[row0 + lane + 0u];
  dv0_0 = fma(e0_0, dOut0_0, dv0_0);
  dv1_0 = fma(e1_0, dOut0_0, dv1_0);
  let ds0_0 = subgroupBroadcast(ds0, 0u);
  let ds1_0 = subgroupBroadcast(ds1, 0u);
  let q0_0 = q[row0 + lane + 0u];
  dk0_0 = fma(ds0_0, q0_0, dk0_0);
  dk1_0 = fma(ds1_0, q0_0, dk1_0);
  let row1 = (((start + min(base + 1u, p.position - 1u)) * p.groups + group) * p.queries + query) * 4u + p.rows;
  let e0_1 = subgroupBroadcast(e0, 1u);
  let e1_1 = subgroupBroadcast(e1, 1u);
  let dOut1_0 = dOut[row1 + lane + 0u];
  dv0_0 = fma(e0_1, dOut1_0, dv0_0);
  dv1_0 = fma(e1_1, dOut1_0, dv1_0);
  let ds0_1 = subgroupBroadcast(ds0, 1u);
  let ds1_1 = subgroupBroadcast(ds1, 1u);
  let q1_0 = q[row1 + lane + 0u];
  dk0_0 = fma(ds0_1, q1_0, dk0_0);
  dk1_0 = fma(ds1_1, q1_0, dk1_0);
  let row2 = (((start + min(base + 2u, p.position - 1u)) * p.groups + group) * p.queries + query) * 4u + p.rows;
  let e0_2 = subgroupBroadcast(e0, 2u);
  let e1_2 = subgroupBroadcast(e1, 2u);
  let dOut2_0 = dOut[row2 + lane + 0u];
  dv0_0 = fma(e0_2, dOut2_0, dv0_0);
  dv1_0 = fma(e1_2, dOut2_0, dv1_0);
  let ds0_2 = subgroupBroadcast(ds0, 2u);
  let ds1_2 = subgroupBroadcast(ds1, 2u);
  let q2_0 = q[row2 + lane + 0u];
  dk0_0 = fma(ds0_2, q2_0, dk0_0);
  dk1_0 = fma(ds1_2, q2_0, dk1_0);
  let row3 = (((start + min(base + 3u, p.position - 1u)) * p.groups + group) * p.queries + query) * 4u + p.rows;
  let e0_3 = subgroupBroadcast(e0, 3u);
  let e1_3 = subgroupBroadcast(e1, 3u);
  let dOut3_0 = dOut[row3 + lane + 0u];
  dv0_0 = fma(e0_3, dOut3_0, dv0_0);
  dv1_0 = fma(e1_3, dOut3_0, dv1_0);
  let ds0_3 = subgroupBroadcast(ds0, 3u);
  let ds1_3 = subgroupBroadcast(ds1, 3u);
  let q3_0 = q[row3 + lane + 0u];
  dk0_0 = fma(ds0_3, q3_0, dk0_0);
  dk1_0 = fma(ds1_3, q3_0, dk1_0);
  }
  }
  if (own + 0u < p.position) { dk[at0 * 4u + lane + 0u + p.keys] = dk0_0; }
  if (own + 1u < p.position) { dk[at1 * 4u + lane + 0u + p.keys] = dk1_0; }
  if (own + 0u < p.position) { dv[at0 * 4u + lane + 0u + p.keys] = dv0_0; }
  if (own + 1u < p.position) { dv[at1 * 4u + lane + 0u + p.keys] = dv1_0; }
}
