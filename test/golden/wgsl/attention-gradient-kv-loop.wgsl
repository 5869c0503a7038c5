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

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>,
        @builtin(subgroup_invocation_id) invocation: u32) {
  let lane = invocation & 7u;
  let count = p.position;
  let blocks = (count + 1u) / 2u;
  let id = (w.x + w.y * 65535u) * 4u + l.x / 8u;
  if (id >= p.batch * blocks * p.groups) { return; }
  let group = id % p.groups;
  let block = id / p.groups;
  let start = (block / blocks) * p.position;
  let own = (blocks - 1u - block % blocks) * 2u;
  let pos0 = min(own + 0u, count - 1u);
  let at0 = (start + pos0) * p.groups + group;
  let pos1 = min(own + 1u, count - 1u);
  let at1 = (start + pos1) * p.groups + group;
  var ownK: array<f32, 6>;
  for (var r = 0u; r < 2u; r++) {
  let row = ((start + min(own + r, count - 1u)) * p.groups + group) * 20u + p.keys;
  ownK[r * 3u + 0u] = k[row + lane + 0u] * p.scale;
  ownK[r * 3u + 1u] = k[row + lane + 8u] * p.scale;
  ownK[r * 3u + 2u] = select(0.0, k[row + min(lane + 16u, 19u)] * p.scale, lane + 16u < 20u);
  }
  var ownV: array<f32, 6>;
  for (var r = 0u; r < 2u; r++) {
  let row = ((start + min(own + r, count - 1u)) * p.groups + group) * 20u + p.keys;
  ownV[r * 3u + 0u] = v[row + lane + 0u];
  ownV[r * 3u + 1u] = v[row + lane + 8u];
  ownV[r * 3u + 2u] = select(0.0, v[row + min(lane + 16u, 19u)], lane + 16u < 20u);
  }
  var dkSums: array<f32, 6>;
  var dvSums: array<f32, 6>;
  let end = p.position;
  for (var query = 0u; query < p.queries; query++) {
  for (var base = own; base < end; base += 8u) {
  let position = base + lane;
  let head = ((start + min(base + lane, p.position - 1u)) * p.groups + group) * p.queries + query;
  let rowLse = lse[p.lse + head];
  let rowDelta = delta[p.lse + head];
  var dot0 = 0.0;
  var dot1 = 0.0;
  var dp0 = 0.0;
  var dp1 = 0.0;
  for (var t = 0u; t < 8u; t++) {
  let begin = (((start + min(base + (lane ^ t), p.position - 1u)) * p.groups + group) * p.queries + query) * 20u + p.rows;
  let q_0 = q[begin + lane + 0u];
  let q_1 = q[begin + lane + 8u];
  let q_2 = q[begin + min(lane + 16u, 19u)];
  dot0 += subgroupShuffleXor(fma(ownK[2], q_2, fma(ownK[1], q_1, ownK[0] * q_0)), t);
  dot1 += subgroupShuffleXor(fma(ownK[5], q_2, fma(ownK[4], q_1, ownK[3] * q_0)), t);
  let dOut_0 = dOut[begin + lane + 0u];
  let dOut_1 = dOut[begin + lane + 8u];
  let dOut_2 = dOut[begin + min(lane + 16u, 19u)];
  dp0 += subgroupShuffleXor(fma(ownV[2], dOut_2, fma(ownV[1], dOut_1, ownV[0] * dOut_0)), t);
  dp1 += subgroupShuffleXor(fma(ownV[5], dOut_2, fma(ownV[4], dOut_1, ownV[3] * dOut_0)), t);
  }
  let s0 = dot0;
  let e0 = select(0.0, exp(s0 - rowLse), position >= pos0 && position < p.position);
  let ds0 = e0 * (dp0 - rowDelta) * p.scale;
  let s1 = dot1;
  let e1 = select(0.0, exp(s1 - rowLse), position >= pos1 && position < p.position);
  let ds1 = e1 * (dp1 - rowDelta) * p.scale;
  for (var t = 0u; t < 8u; t += 2u) {
  let begin0 = (((start + min(base + (lane ^ (t + 0u)), p.position - 1u)) * p.groups + group) * p.queries + query) * 20u + p.rows;
  let begin1 = (((start + min(base + (lane ^ (t + 1u)), p.position - 1u)) * p.groups + group) * p.queries + query) * 20u + p.rows;
  let dOut0_0 = dOut[begin0 + lane + 0u];
  let dOut0_1 = dOut[begin0 + lane + 8u];
  let dOut0_2 = dOut[begin0 + min(lane + 16u, 19u)];
  let dOut1_0 = dOut[begin1 + lane + 0u];
  let dOut1_1 = dOut[begin1 + lane + 8u];
  let dOut1_2 = dOut[begin1 + min(lane + 16u, 19u)];
  let e0_0 = subgroupShuffleXor(e0, t + 0u);
  let e0_1 = subgroupShuffleXor(e0, t + 1u);
  dvSums[0] = fma(e0_1, dOut1_0, fma(e0_0, dOut0_0, dvSums[0]));
  dvSums[1] = fma(e0_1, dOut1_1, fma(e0_0, dOut0_1, dvSums[1]));
  dvSums[2] = fma(e0_1, dOut1_2, fma(e0_0, dOut0_2, dvSums[2]));
  let e1_0 = subgroupShuffleXor(e1, t + 0u);
  let e1_1 = subgroupShuffleXor(e1, t + 1u);
  dvSums[3] = fma(e1_1, dOut1_0, fma(e1_0, dOut0_0, dvSums[3]));
  dvSums[4] = fma(e1_1, dOut1_1, fma(e1_0, dOut0_1, dvSums[4]));
  dvSums[5] = fma(e1_1, dOut1_2, fma(e1_0, dOut0_2, dvSums[5]));
  let q0_0 = q[begin0 + lane + 0u];
  let q0_1 = q[begin0 + lane + 8u];
  let q0_2 = q[begin0 + min(lane + 16u, 19u)];
  let q1_0 = q[begin1 + lane + 0u];
  let q1_1 = q[begin1 + lane + 8u];
  let q1_2 = q[begin1 + min(lane + 16u, 19u)];
  let ds0_0 = subgroupShuffleXor(ds0, t + 0u);
  let ds0_1 = subgroupShuffleXor(ds0, t + 1u);
  dkSums[0] = fma(ds0_1, q1_0, fma(ds0_0, q0_0, dkSums[0]));
  dkSums[1] = fma(ds0_1, q1_1, fma(ds0_0, q0_1, dkSums[1]));
  dkSums[2] = fma(ds0_1, q1_2, fma(ds0_0, q0_2, dkSums[2]));
  let ds1_0 = subgroupShuffleXor(ds1, t + 0u);
  let ds1_1 = subgroupShuffleXor(ds1, t + 1u);
  dkSums[3] = fma(ds1_1, q1_0, fma(ds1_0, q0_0, dkSums[3]));
  dkSums[4] = fma(ds1_1, q1_1, fma(ds1_0, q0_1, dkSums[4]));
  dkSums[5] = fma(ds1_1, q1_2, fma(ds1_0, q0_2, dkSums[5]));
  }
  }
  }
  for (var r = 0u; r < 2u && own + r < count; r++) {
  let row = ((start + min(own + r, count - 1u)) * p.groups + group) * 20u + lane + p.keys;
  dk[row + 0u] = dkSums[r * 3u + 0u];
  dk[row + 8u] = dkSums[r * 3u + 1u];
  if (lane + 16u < 20u) { dk[row + 16u] = dkSums[r * 3u + 2u]; }
  }
  for (var r = 0u; r < 2u && own + r < count; r++) {
  let row = ((start + min(own + r, count - 1u)) * p.groups + group) * 20u + lane + p.keys;
  dv[row + 0u] = dvSums[r * 3u + 0u];
  dv[row + 8u] = dvSums[r * 3u + 1u];
  if (lane + 16u < 20u) { dv[row + 16u] = dvSums[r * 3u + 2u]; }
  }
}
