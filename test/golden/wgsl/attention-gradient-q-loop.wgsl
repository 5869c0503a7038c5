enable subgroups;
diagnostic(off, subgroup_uniformity);
struct Params { batch: u32, position: u32, groups: u32, queries: u32, scale: f32, rows: u32, keys: u32, lse: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> lse: array<f32>;
@group(0) @binding(5) var<storage, read> dOut: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> dq: array<vec4<f32>>;

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
  var ownQ: array<f32, 8>;
  for (var r = 0u; r < 2u; r++) {
  let row = (((start + min(own + r, count - 1u) / p.queries) * p.groups + group) * p.queries + min(own + r, count - 1u) % p.queries) * 8u + p.rows / 4u;
  let mine_all0 = q[row + lane + 0u];
  let mine_0 = mine_all0.x;
  let mine_1 = mine_all0.y;
  let mine_2 = mine_all0.z;
  let mine_3 = mine_all0.w;
  ownQ[r * 4u + 0u] = mine_0 * p.scale;
  ownQ[r * 4u + 1u] = mine_1 * p.scale;
  ownQ[r * 4u + 2u] = mine_2 * p.scale;
  ownQ[r * 4u + 3u] = mine_3 * p.scale;
  }
  var given: array<f32, 8>;
  for (var r = 0u; r < 2u; r++) {
  let row = (((start + min(own + r, count - 1u) / p.queries) * p.groups + group) * p.queries + min(own + r, count - 1u) % p.queries) * 8u + p.rows / 4u;
  let mine_all0 = dOut[row + lane + 0u];
  let mine_0 = mine_all0.x;
  let mine_1 = mine_all0.y;
  let mine_2 = mine_all0.z;
  let mine_3 = mine_all0.w;
  given[r * 4u + 0u] = mine_0;
  given[r * 4u + 1u] = mine_1;
  given[r * 4u + 2u] = mine_2;
  given[r * 4u + 3u] = mine_3;
  }
  let lse0 = lse[p.lse + at0];
  let delta0 = delta[p.lse + at0];
  let lse1 = lse[p.lse + at1];
  let delta1 = delta[p.lse + at1];
  var d: array<f32, 8>;
  for (var base = select(0u, pos0 + 1u - 3u, pos0 >= 3u); base <= pos1; base += 8u) {
  let source = base + lane;
  var dot0 = 0.0;
  var dot1 = 0.0;
  var dp0 = 0.0;
  var dp1 = 0.0;
  for (var t = 0u; t < 8u; t++) {
  let begink = (first + min(base + (lane ^ t), p.position - 1u) * p.groups) * 8u + p.keys / 4u;
  let k_all0 = k[begink + lane + 0u];
  let k_0 = k_all0.x;
  let k_1 = k_all0.y;
  let k_2 = k_all0.z;
  let k_3 = k_all0.w;
  dot0 += subgroupShuffleXor(fma(ownQ[3], k_3, fma(ownQ[2], k_2, fma(ownQ[1], k_1, ownQ[0] * k_0))), t);
  dot1 += subgroupShuffleXor(fma(ownQ[7], k_3, fma(ownQ[6], k_2, fma(ownQ[5], k_1, ownQ[4] * k_0))), t);
  let beginv = (first + min(base + (lane ^ t), p.position - 1u) * p.groups) * 8u + p.keys / 4u;
  let v_all0 = v[beginv + lane + 0u];
  let v_0 = v_all0.x;
  let v_1 = v_all0.y;
  let v_2 = v_all0.z;
  let v_3 = v_all0.w;
  dp0 += subgroupShuffleXor(fma(given[3], v_3, fma(given[2], v_2, fma(given[1], v_1, given[0] * v_0))), t);
  dp1 += subgroupShuffleXor(fma(given[7], v_3, fma(given[6], v_2, fma(given[5], v_1, given[4] * v_0))), t);
  }
  let s0 = 50 * tanh(clamp(dot0 / 50, -9.0, 9.0));
  let e0 = select(0.0, exp(s0 - lse0), (source <= pos0) & (source + 3u > pos0));
  let ds0 = e0 * (dp0 - delta0) * p.scale * (1.0 - (s0 / 50) * (s0 / 50));
  let s1 = 50 * tanh(clamp(dot1 / 50, -9.0, 9.0));
  let e1 = select(0.0, exp(s1 - lse1), (source <= pos1) & (source + 3u > pos1));
  let ds1 = e1 * (dp1 - delta1) * p.scale * (1.0 - (s1 / 50) * (s1 / 50));
  for (var t = 0u; t < 8u; t += 2u) {
  let begink0 = (first + min(base + (lane ^ (t + 0u)), p.position - 1u) * p.groups) * 8u + p.keys / 4u;
  let k0_all0 = k[begink0 + lane + 0u];
  let k0_0 = k0_all0.x;
  let k0_1 = k0_all0.y;
  let k0_2 = k0_all0.z;
  let k0_3 = k0_all0.w;
  let begink1 = (first + min(base + (lane ^ (t + 1u)), p.position - 1u) * p.groups) * 8u + p.keys / 4u;
  let k1_all0 = k[begink1 + lane + 0u];
  let k1_0 = k1_all0.x;
  let k1_1 = k1_all0.y;
  let k1_2 = k1_all0.z;
  let k1_3 = k1_all0.w;
  let ds0_0 = subgroupShuffleXor(ds0, t + 0u);
  let ds0_1 = subgroupShuffleXor(ds0, t + 1u);
  d[0] = fma(ds0_1, k1_0, fma(ds0_0, k0_0, d[0]));
  d[1] = fma(ds0_1, k1_1, fma(ds0_0, k0_1, d[1]));
  d[2] = fma(ds0_1, k1_2, fma(ds0_0, k0_2, d[2]));
  d[3] = fma(ds0_1, k1_3, fma(ds0_0, k0_3, d[3]));
  let ds1_0 = subgroupShuffleXor(ds1, t + 0u);
  let ds1_1 = subgroupShuffleXor(ds1, t + 1u);
  d[4] = fma(ds1_1, k1_0, fma(ds1_0, k0_0, d[4]));
  d[5] = fma(ds1_1, k1_1, fma(ds1_0, k0_1, d[5]));
  d[6] = fma(ds1_1, k1_2, fma(ds1_0, k0_2, d[6]));
  d[7] = fma(ds1_1, k1_3, fma(ds1_0, k0_3, d[7]));
  }
  }
  for (var r = 0u; r < 2u && own + r < count; r++) {
  let row = (((start + min(own + r, count - 1u) / p.queries) * p.groups + group) * p.queries + min(own + r, count - 1u) % p.queries) * 8u + p.rows / 4u;
  dq[row + lane + 0u] = vec4(d[r * 4u + 0u], d[r * 4u + 1u], d[r * 4u + 2u], d[r * 4u + 3u]);
  }
}
