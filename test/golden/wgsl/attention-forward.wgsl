enable subgroups;
diagnostic(off, subgroup_uniformity);
struct Params { batch: u32, position: u32, groups: u32, queries: u32, scale: f32, rows: u32, keys: u32, lse: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32) {
  let blocks = (p.position + 1u) / 2u;
  let id = (w.x + w.y * 65535u) * 16u + l.x / 4u;
  if (id >= p.batch * blocks * p.groups * p.queries) { return; }
  let query = id % p.queries;
  let group = (id / p.queries) % p.groups;
  let block = id / (p.queries * p.groups);
  let start = (block / blocks) * p.position;
  let own = (block % blocks) * 2u;
  let first = start * p.groups + group;
  let pos0 = min(own + 0u, p.position - 1u);
  let at0 = ((start + pos0) * p.groups + group) * p.queries + query;
  let pos1 = min(own + 1u, p.position - 1u);
  let at1 = ((start + pos1) * p.groups + group) * p.queries + query;
  let q0_0 = q[at0 * 4u + 0u + p.rows] * p.scale;
  let q0_1 = q[at0 * 4u + 1u + p.rows] * p.scale;
  let q0_2 = q[at0 * 4u + 2u + p.rows] * p.scale;
  let q0_3 = q[at0 * 4u + 3u + p.rows] * p.scale;
  let q1_0 = q[at1 * 4u + 0u + p.rows] * p.scale;
  let q1_1 = q[at1 * 4u + 1u + p.rows] * p.scale;
  let q1_2 = q[at1 * 4u + 2u + p.rows] * p.scale;
  let q1_3 = q[at1 * 4u + 3u + p.rows] * p.scale;
  var most0 = -3.0e38;
  var total0 = 0.0;
  var most1 = -3.0e38;
  var total1 = 0.0;
  var o0_0 = 0.0;
  var o1_0 = 0.0;
  for (var base = 0u; base <= pos1; base += 4u) {
  let source = base + lane;
  let own_row = (first + min(source, p.position - 1u) * p.groups) * 4u + p.keys;
  var s0 = 0.0;
  var s1 = 0.0;
  let k_0 = k[own_row + 0u];
  s0 = fma(q0_0, k_0, s0);
  s1 = fma(q1_0, k_0, s1);
  let k_1 = k[own_row + 1u];
  s0 = fma(q0_1, k_1, s0);
  s1 = fma(q1_1, k_1, s1);
  let k_2 = k[own_row + 2u];
  s0 = fma(q0_2, k_2, s0);
  s1 = fma(q1_2, k_2, s1);
  let k_3 = k[own_row + 3u];
  s0 = fma(q0_3, k_3, s0);
  s1 = fma(q1_3, k_3, s1);
  let m0 = max(most0, subgroupMax(select(-3.0e38, s0, source <= pos0)));
  let shrink0 = exp(most0 - m0);
  let e0 = select(0.0, exp(s0 - m0), source <= pos0);
  most0 = m0;
  total0 = fma(total0, shrink0, e0);
  o0_0 *= shrink0;
  let m1 = max(most1, subgroupMax(select(-3.0e38, s1, source <= pos1)));
  let shrink1 = exp(most1 - m1);
  let e1 = select(0.0, exp(s1 - m1), source <= pos1);
  most1 = m1;
  total1 = fma(total1, shrink1, e1);
  o1_0 *= shrink1;
  let row0 = (first + min(base + 0u, p.position - 1u) * p.groups) * 4u + p.keys;
  let e0_0 = subgroupBroadcast(e0, 0u);
  let e1_0 = subgroupBroadcast(e1, 0u);
  let v0_0 = v[row0 + lane + 0u];
  o0_0 = fma(e0_0, v0_0, o0_0);
  o1_0 = fma(e1_0, v0_0, o1_0);
  let row1 = (first + min(base + 1u, p.position - 1u) * p.groups) * 4u + p.keys;
  let e0_1 = subgroupBroadcast(e0, 1u);
  let e1_1 = subgroupBroadcast(e1, 1u);
  let v1_0 = v[row1 + lane + 0u];
  o0_0 = fma(e0_1, v1_0, o0_0);
  o1_0 = fma(e1_1, v1_0, o1_0);
  let row2 = (first + min(base + 2u, p.position - 1u) * p.groups) * 4u + p.keys;
  let e0_2 = subgroupBroadcast(e0, 2u);
  let e1_2 = subgroupBroadcast(e1, 2u);
  let v2_0 = v[row2 + lane + 0u];
  o0_0 = fma(e0_2, v2_0, o0_0);
  o1_0 = fma(e1_2, v2_0, o1_0);
  let row3 = (first + min(base + 3u, p.position - 1u) * p.groups) * 4u + p.keys;
  let e0_3 = subgroupBroadcast(e0, 3u);
  let e1_3 = subgroupBroadcast(e1, 3u);
  let v3_0 = v[row3 + lane + 0u];
  o0_0 = fma(e0_3, v3_0, o0_0);
  o1_0 = fma(e1_3, v3_0, o1_0);
  }
  let sum0 = subgroupAdd(total0);
  let sum1 = subgroupAdd(total1);
  if (own + 0u < p.position) { out[at0 * 4u + lane + 0u + p.rows] = o0_0 / sum0; }
  if (own + 1u < p.position) { out[at1 * 4u + lane + 0u + p.rows] = o1_0 / sum1; }
  if (lane == 0u && own + 0u < p.position) { lse[p.lse + at0] = most0 + log(sum0); }
  if (lane == 0u && own + 1u < p.position) { lse[p.lse + at1] = most1 + log(sum1); }
}
