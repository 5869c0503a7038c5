enable subgroups;
diagnostic(off, subgroup_uniformity);
struct Params { batch: u32, position: u32, groups: u32, queries: u32, scale: f32, rows: u32, keys: u32, lse: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;

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
  var most0 = -3.0e38;
  var total0 = 0.0;
  var most1 = -3.0e38;
  var total1 = 0.0;
  var o: array<f32, 8>;
  for (var base = 0u; base <= pos1; base += 8u) {
  let source = base + lane;
  var dot0 = 0.0;
  var dot1 = 0.0;
  for (var t = 0u; t < 8u; t++) {
  let begink = (first + min(base + (lane ^ t), p.position - 1u) * p.groups) * 8u + p.keys / 4u;
  let k_all0 = k[begink + lane + 0u];
  let k_0 = k_all0.x;
  let k_1 = k_all0.y;
  let k_2 = k_all0.z;
  let k_3 = k_all0.w;
  dot0 += subgroupShuffleXor(fma(ownQ[3], k_3, fma(ownQ[2], k_2, fma(ownQ[1], k_1, ownQ[0] * k_0))), t);
  dot1 += subgroupShuffleXor(fma(ownQ[7], k_3, fma(ownQ[6], k_2, fma(ownQ[5], k_1, ownQ[4] * k_0))), t);
  }
  let s0 = select(-3.0e38, dot0, (source <= pos0));
  let m0_0 = max(most0, s0);
  let m0_1 = max(m0_0, subgroupShuffleXor(m0_0, 1u));
  let m0_2 = max(m0_1, subgroupShuffleXor(m0_1, 2u));
  let m0_3 = max(m0_2, subgroupShuffleXor(m0_2, 4u));
  let m0 = m0_3;
  let shrink0 = exp(most0 - m0);
  let e0 = exp(s0 - m0);
  most0 = m0;
  total0 = fma(total0, shrink0, e0);
  o[0] *= shrink0;
  o[1] *= shrink0;
  o[2] *= shrink0;
  o[3] *= shrink0;
  let s1 = select(-3.0e38, dot1, (source <= pos1));
  let m1_0 = max(most1, s1);
  let m1_1 = max(m1_0, subgroupShuffleXor(m1_0, 1u));
  let m1_2 = max(m1_1, subgroupShuffleXor(m1_1, 2u));
  let m1_3 = max(m1_2, subgroupShuffleXor(m1_2, 4u));
  let m1 = m1_3;
  let shrink1 = exp(most1 - m1);
  let e1 = exp(s1 - m1);
  most1 = m1;
  total1 = fma(total1, shrink1, e1);
  o[4] *= shrink1;
  o[5] *= shrink1;
  o[6] *= shrink1;
  o[7] *= shrink1;
  for (var t = 0u; t < 8u; t += 2u) {
  let beginv0 = (first + min(base + (lane ^ (t + 0u)), p.position - 1u) * p.groups) * 8u + p.keys / 4u;
  let v0_all0 = v[beginv0 + lane + 0u];
  let v0_0 = v0_all0.x;
  let v0_1 = v0_all0.y;
  let v0_2 = v0_all0.z;
  let v0_3 = v0_all0.w;
  let beginv1 = (first + min(base + (lane ^ (t + 1u)), p.position - 1u) * p.groups) * 8u + p.keys / 4u;
  let v1_all0 = v[beginv1 + lane + 0u];
  let v1_0 = v1_all0.x;
  let v1_1 = v1_all0.y;
  let v1_2 = v1_all0.z;
  let v1_3 = v1_all0.w;
  let e0_0 = subgroupShuffleXor(e0, t + 0u);
  let e0_1 = subgroupShuffleXor(e0, t + 1u);
  o[0] = fma(e0_1, v1_0, fma(e0_0, v0_0, o[0]));
  o[1] = fma(e0_1, v1_1, fma(e0_0, v0_1, o[1]));
  o[2] = fma(e0_1, v1_2, fma(e0_0, v0_2, o[2]));
  o[3] = fma(e0_1, v1_3, fma(e0_0, v0_3, o[3]));
  let e1_0 = subgroupShuffleXor(e1, t + 0u);
  let e1_1 = subgroupShuffleXor(e1, t + 1u);
  o[4] = fma(e1_1, v1_0, fma(e1_0, v0_0, o[4]));
  o[5] = fma(e1_1, v1_1, fma(e1_0, v0_1, o[5]));
  o[6] = fma(e1_1, v1_2, fma(e1_0, v0_2, o[6]));
  o[7] = fma(e1_1, v1_3, fma(e1_0, v0_3, o[7]));
  }
  }
  let sum0_0 = total0;
  let sum0_1 = sum0_0 + subgroupShuffleXor(sum0_0, 1u);
  let sum0_2 = sum0_1 + subgroupShuffleXor(sum0_1, 2u);
  let sum0_3 = sum0_2 + subgroupShuffleXor(sum0_2, 4u);
  let sum0 = sum0_3;
  o[0] /= sum0;
  o[1] /= sum0;
  o[2] /= sum0;
  o[3] /= sum0;
  let sum1_0 = total1;
  let sum1_1 = sum1_0 + subgroupShuffleXor(sum1_0, 1u);
  let sum1_2 = sum1_1 + subgroupShuffleXor(sum1_1, 2u);
  let sum1_3 = sum1_2 + subgroupShuffleXor(sum1_2, 4u);
  let sum1 = sum1_3;
  o[4] /= sum1;
  o[5] /= sum1;
  o[6] /= sum1;
  o[7] /= sum1;
  for (var r = 0u; r < 2u && own + r < count; r++) {
  let row = (((start + min(own + r, count - 1u) / p.queries) * p.groups + group) * p.queries + min(own + r, count - 1u) % p.queries) * 8u + p.rows / 4u;
  out[row + lane + 0u] = vec4(o[r * 4u + 0u], o[r * 4u + 1u], o[r * 4u + 2u], o[r * 4u + 3u]);
  }
  if (lane == 0u && own + 0u < count) { lse[p.lse + at0] = most0 + log(sum0); }
  if (lane == 0u && own + 1u < count) { lse[p.lse + at1] = most1 + log(sum1); }
}
