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
@group(0) @binding(7) var<storage, read_write> dq: array<f32>;

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>,
        @builtin(subgroup_invocation_id) invocation: u32) {
  let lane = invocation & 7u;
  let count = p.position * p.queries;
  let blocks = (count + 1u) / 2u;
  let id = (w.x + w.y * 65535u) * 4u + l.x / 8u;
  if (id >= p.batch * blocks * p.groups) { return; }
  let group = id % p.groups;
  let block = id / p.groups;
  let start = (block / blocks) * p.position;
  let own = (blocks - 1u - block % blocks) * 2u;
  let first = start * p.groups + group;
  let row0of = min(own + 0u, count - 1u);
  let pos0 = row0of / p.queries;
  let at0 = ((start + pos0) * p.groups + group) * p.queries + row0of % p.queries;
  let row1of = min(own + 1u, count - 1u);
  let pos1 = row1of / p.queries;
  let at1 = ((start + pos1) * p.groups + group) * p.queries + row1of % p.queries;
  var ownQ: array<f32, 6>;
  for (var r = 0u; r < 2u; r++) {
  let row = (((start + min(own + r, count - 1u) / p.queries) * p.groups + group) * p.queries + min(own + r, count - 1u) % p.queries) * 20u + p.rows;
  ownQ[r * 3u + 0u] = q[row + lane + 0u] * p.scale;
  ownQ[r * 3u + 1u] = q[row + lane + 8u] * p.scale;
  ownQ[r * 3u + 2u] = select(0.0, q[row + min(lane + 16u, 19u)] * p.scale, lane + 16u < 20u);
  }
  var given: array<f32, 6>;
  for (var r = 0u; r < 2u; r++) {
  let row = (((start + min(own + r, count - 1u) / p.queries) * p.groups + group) * p.queries + min(own + r, count - 1u) % p.queries) * 20u + p.rows;
  given[r * 3u + 0u] = dOut[row + lane + 0u];
  given[r * 3u + 1u] = dOut[row + lane + 8u];
  given[r * 3u + 2u] = select(0.0, dOut[row + min(lane + 16u, 19u)], lane + 16u < 20u);
  }
  let lse0 = lse[p.lse + at0];
  let delta0 = delta[p.lse + at0];
  let lse1 = lse[p.lse + at1];
  let delta1 = delta[p.lse + at1];
  var d: array<f32, 6>;
  for (var base = select(0u, pos0 + 1u - 3u, pos0 >= 3u); base <= pos1; base += 8u) {
  let source = base + lane;
  var dot0 = 0.0;
  var dot1 = 0.0;
  var dp0 = 0.0;
  var dp1 = 0.0;
  for (var t = 0u; t < 8u; t++) {
  let begin = (first + min(base + (lane ^ t), p.position - 1u) * p.groups) * 20u + p.keys;
  let k_0 = k[begin + lane + 0u];
  let k_1 = k[begin + lane + 8u];
  let k_2 = k[begin + min(lane + 16u, 19u)];
  dot0 += subgroupShuffleXor(fma(ownQ[2], k_2, fma(ownQ[1], k_1, ownQ[0] * k_0)), t);
  dot1 += subgroupShuffleXor(fma(ownQ[5], k_2, fma(ownQ[4], k_1, ownQ[3] * k_0)), t);
  let v_0 = v[begin + lane + 0u];
  let v_1 = v[begin + lane + 8u];
  let v_2 = v[begin + min(lane + 16u, 19u)];
  dp0 += subgroupShuffleXor(fma(given[2], v_2, fma(given[1], v_1, given[0] * v_0)), t);
  dp1 += subgroupShuffleXor(fma(given[5], v_2, fma(given[4], v_1, given[3] * v_0)), t);
  }
  let s0 = 50 * tanh(clamp(dot0 / 50, -9.0, 9.0));
  let e0 = select(0.0, exp(s0 - lse0), source <= pos0 && source + 3u > pos0);
  let ds0 = e0 * (dp0 - delta0) * p.scale * (1.0 - (s0 / 50) * (s0 / 50));
  let s1 = 50 * tanh(clamp(dot1 / 50, -9.0, 9.0));
  let e1 = select(0.0, exp(s1 - lse1), source <= pos1 && source + 3u > pos1);
  let ds1 = e1 * (dp1 - delta1) * p.scale * (1.0 - (s1 / 50) * (s1 / 50));
  for (var t = 0u; t < 8u; t += 2u) {
  let begin0 = (first + min(base + (lane ^ (t + 0u)), p.position - 1u) * p.groups) * 20u + p.keys;
  let begin1 = (first + min(base + (lane ^ (t + 1u)), p.position - 1u) * p.groups) * 20u + p.keys;
  let k0_0 = k[begin0 + lane + 0u];
  let k0_1 = k[begin0 + lane + 8u];
  let k0_2 = k[begin0 + min(lane + 16u, 19u)];
  let k1_0 = k[begin1 + lane + 0u];
  let k1_1 = k[begin1 + lane + 8u];
  let k1_2 = k[begin1 + min(lane + 16u, 19u)];
  let ds0_0 = subgroupShuffleXor(ds0, t + 0u);
  let ds0_1 = subgroupShuffleXor(ds0, t + 1u);
  d[0] = fma(ds0_1, k1_0, fma(ds0_0, k0_0, d[0]));
  d[1] = fma(ds0_1, k1_1, fma(ds0_0, k0_1, d[1]));
  d[2] = fma(ds0_1, k1_2, fma(ds0_0, k0_2, d[2]));
  let ds1_0 = subgroupShuffleXor(ds1, t + 0u);
  let ds1_1 = subgroupShuffleXor(ds1, t + 1u);
  d[3] = fma(ds1_1, k1_0, fma(ds1_0, k0_0, d[3]));
  d[4] = fma(ds1_1, k1_1, fma(ds1_0, k0_1, d[4]));
  d[5] = fma(ds1_1, k1_2, fma(ds1_0, k0_2, d[5]));
  }
  }
  for (var r = 0u; r < 2u && own + r < count; r++) {
  let row = (((start + min(own + r, count - 1u) / p.queries) * p.groups + group) * p.queries + min(own + r, count - 1u) % p.queries) * 20u + lane + p.rows;
  dq[row + 0u] = d[r * 3u + 0u];
  dq[row + 8u] = d[r * 3u + 1u];
  if (lane + 16u < 20u) { dq[row + 16u] = d[r * 3u + 2u]; }
  }
}
