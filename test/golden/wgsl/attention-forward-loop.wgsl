enable subgroups;
diagnostic(off, subgroup_uniformity);
struct Params { batch: u32, position: u32, groups: u32, queries: u32, scale: f32, rows: u32, keys: u32, lse: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
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
  var ownQ: array<f32, 6>;
  for (var r = 0u; r < 2u; r++) {
  let row = (((start + min(own + r, count - 1u) / p.queries) * p.groups + group) * p.queries + min(own + r, count - 1u) % p.queries) * 20u + p.rows;
  ownQ[r * 3u + 0u] = q[row + lane + 0u] * p.scale;
  ownQ[r * 3u + 1u] = q[row + lane + 8u] * p.scale;
  ownQ[r * 3u + 2u] = select(0.0, q[row + min(lane + 16u, 19u)] * p.scale, lane + 16u < 20u);
  }
  var most0 = -3.0e38;
  var total0 = 0.0;
  var most1 = -3.0e38;
  var total1 = 0.0;
  var o: array<f32, 6>;
  for (var base = 0u; base <= pos1; base += 8u) {
  let source = base + lane;
  var dot0 = 0.0;
  var dot1 = 0.0;
  for (var t = 0u; t < 8u; t++) {
  let begin = (first + min(base + (lane ^ t), p.position - 1u) * p.groups) * 20u + p.keys;
  let k_0 = k[begin + lane + 0u];
  let k_1 = k[begin + lane + 8u];
  let k_2 = k[begin + min(lane + 16u, 19u)];
  dot0 += subgroupShuffleXor(fma(ownQ[2], k_2, fma(ownQ[1], k_1, ownQ[0] * k_0)), t);
  dot1 += subgroupShuffleXor(fma(ownQ[5], k_2, fma(ownQ[4], k_1, ownQ[3] * k_0)), t);
  }
  let s0 = select(-3.0e38, dot0, source <= pos0);
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
  let s1 = select(-3.0e38, dot1, source <= pos1);
  let m1_0 = max(most1, s1);
  let m1_1 = max(m1_0, subgroupShuffleXor(m1_0, 1u));
  let m1_2 = max(m1_1, subgroupShuffleXor(m1_1, 2u));
  let m1_3 = max(m1_2, subgroupShuffleXor(m1_2, 4u));
  let m1 = m1_3;
  let shrink1 = exp(most1 - m1);
  let e1 = exp(s1 - m1);
  most1 = m1;
  total1 = fma(total1, shrink1, e1);
  o[3] *= shrink1;
  o[4] *= shrink1;
  o[5] *= shrink1;
  for (var t = 0u; t < 8u; t += 2u) {
  let begin0 = (first + min(base + (lane ^ (t + 0u)), p.position - 1u) * p.groups) * 20u + p.keys;
  let begin1 = (first + min(base + (lane ^ (t + 1u)), p.position - 1u) * p.groups) * 20u + p.keys;
  let v0_0 = v[begin0 + lane + 0u];
  let v0_1 = v[begin0 + lane + 8u];
  let v0_2 = v[begin0 + min(lane + 16u, 19u)];
  let v1_0 = v[begin1 + lane + 0u];
  let v1_1 = v[begin1 + lane + 8u];
  let v1_2 = v[begin1 + min(lane + 16u, 19u)];
  let e0_0 = subgroupShuffleXor(e0, t + 0u);
  let e0_1 = subgroupShuffleXor(e0, t + 1u);
  o[0] = fma(e0_1, v1_0, fma(e0_0, v0_0, o[0]));
  o[1] = fma(e0_1, v1_1, fma(e0_0, v0_1, o[1]));
  o[2] = fma(e0_1, v1_2, fma(e0_0, v0_2, o[2]));
  let e1_0 = subgroupShuffleXor(e1, t + 0u);
  let e1_1 = subgroupShuffleXor(e1, t + 1u);
  o[3] = fma(e1_1, v1_0, fma(e1_0, v0_0, o[3]));
  o[4] = fma(e1_1, v1_1, fma(e1_0, v0_1, o[4]));
  o[5] = fma(e1_1, v1_2, fma(e1_0, v0_2, o[5]));
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
  let sum1_0 = total1;
  let sum1_1 = sum1_0 + subgroupShuffleXor(sum1_0, 1u);
  let sum1_2 = sum1_1 + subgroupShuffleXor(sum1_1, 2u);
  let sum1_3 = sum1_2 + subgroupShuffleXor(sum1_2, 4u);
  let sum1 = sum1_3;
  o[3] /= sum1;
  o[4] /= sum1;
  o[5] /= sum1;
  for (var r = 0u; r < 2u && own + r < count; r++) {
  let row = (((start + min(own + r, count - 1u) / p.queries) * p.groups + group) * p.queries + min(own + r, count - 1u) % p.queries) * 20u + lane + p.rows;
  out[row + 0u] = o[r * 3u + 0u];
  out[row + 8u] = o[r * 3u + 1u];
  if (lane + 16u < 20u) { out[row + 16u] = o[r * 3u + 2u]; }
  }
  if (lane == 0u && own + 0u < count) { lse[p.lse + at0] = most0 + log(sum0); }
  if (lane == 0u && own + 1u < count) { lse[p.lse + at1] = most1 + log(sum1); }
}
