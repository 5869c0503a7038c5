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
@group(0) @binding(7) var<storage, read_write> dk: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> dv: array<vec4<f32>>;

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
  var ownK: array<f32, 8>;
  for (var r = 0u; r < 2u; r++) {
  let row = ((start + min(own + r, count - 1u)) * p.groups + group) * 8u + p.keys / 4u;
  let mine_all0 = k[row + lane + 0u];
  let mine_0 = mine_all0.x;
  let mine_1 = mine_all0.y;
  let mine_2 = mine_all0.z;
  let mine_3 = mine_all0.w;
  ownK[r * 4u + 0u] = mine_0 * p.scale;
  ownK[r * 4u + 1u] = mine_1 * p.scale;
  ownK[r * 4u + 2u] = mine_2 * p.scale;
  ownK[r * 4u + 3u] = mine_3 * p.scale;
  }
  var ownV: array<f32, 8>;
  for (var r = 0u; r < 2u; r++) {
  let row = ((start + min(own + r, count - 1u)) * p.groups + group) * 8u + p.keys / 4u;
  let mine_all0 = v[row + lane + 0u];
  let mine_0 = mine_all0.x;
  let mine_1 = mine_all0.y;
  let mine_2 = mine_all0.z;
  let mine_3 = mine_all0.w;
  ownV[r * 4u + 0u] = mine_0;
  ownV[r * 4u + 1u] = mine_1;
  ownV[r * 4u + 2u] = mine_2;
  ownV[r * 4u + 3u] = mine_3;
  }
  var dkSums: array<f32, 8>;
  var dvSums: array<f32, 8>;
  let end = p.position;
  for (var query = 0u; query < p.queries; query++) {
  for (var base = own; base < end; base += 8u) {
  let position = base + lane;
  let exists = position < p.position;
  let head = ((start + min(base + lane, p.position - 1u)) * p.groups + group) * p.queries + query;
  let rowLse = lse[p.lse + head];
  let rowDelta = delta[p.lse + head];
  var dot0 = 0.0;
  var dot1 = 0.0;
  var dp0 = 0.0;
  var dp1 = 0.0;
  for (var t = 0u; t < 8u; t++) {
  let beginq = (((start + min(base + (lane ^ t), p.position - 1u)) * p.groups + group) * p.queries + query) * 8u + p.rows / 4u;
  let q_all0 = q[beginq + lane + 0u];
  let q_0 = q_all0.x;
  let q_1 = q_all0.y;
  let q_2 = q_all0.z;
  let q_3 = q_all0.w;
  dot0 += subgroupShuffleXor(fma(ownK[3], q_3, fma(ownK[2], q_2, fma(ownK[1], q_1, ownK[0] * q_0))), t);
  dot1 += subgroupShuffleXor(fma(ownK[7], q_3, fma(ownK[6], q_2, fma(ownK[5], q_1, ownK[4] * q_0))), t);
  let begindOut = (((start + min(base + (lane ^ t), p.position - 1u)) * p.groups + group) * p.queries + query) * 8u + p.rows / 4u;
  let dOut_all0 = dOut[begindOut + lane + 0u];
  let dOut_0 = dOut_all0.x;
  let dOut_1 = dOut_all0.y;
  let dOut_2 = dOut_all0.z;
  let dOut_3 = dOut_all0.w;
  dp0 += subgroupShuffleXor(fma(ownV[3], dOut_3, fma(ownV[2], dOut_2, fma(ownV[1], dOut_1, ownV[0] * dOut_0))), t);
  dp1 += subgroupShuffleXor(fma(ownV[7], dOut_3, fma(ownV[6], dOut_2, fma(ownV[5], dOut_1, ownV[4] * dOut_0))), t);
  }
  let s0 = dot0;
  let e0 = select(0.0, exp(s0 - rowLse), exists & (position >= pos0));
  let ds0 = e0 * (dp0 - rowDelta) * p.scale;
  let s1 = dot1;
  let e1 = select(0.0, exp(s1 - rowLse), exists & (position >= pos1));
  let ds1 = e1 * (dp1 - rowDelta) * p.scale;
  for (var t = 0u; t < 8u; t += 2u) {
  let begindOut0 = (((start + min(base + (lane ^ (t + 0u)), p.position - 1u)) * p.groups + group) * p.queries + query) * 8u + p.rows / 4u;
  let dOut0_all0 = dOut[begindOut0 + lane + 0u];
  let dOut0_0 = dOut0_all0.x;
  let dOut0_1 = dOut0_all0.y;
  let dOut0_2 = dOut0_all0.z;
  let dOut0_3 = dOut0_all0.w;
  let begindOut1 = (((start + min(base + (lane ^ (t + 1u)), p.position - 1u)) * p.groups + group) * p.queries + query) * 8u + p.rows / 4u;
  let dOut1_all0 = dOut[begindOut1 + lane + 0u];
  let dOut1_0 = dOut1_all0.x;
  let dOut1_1 = dOut1_all0.y;
  let dOut1_2 = dOut1_all0.z;
  let dOut1_3 = dOut1_all0.w;
  let e0_0 = subgroupShuffleXor(e0, t + 0u);
  let e0_1 = subgroupShuffleXor(e0, t + 1u);
  dvSums[0] = fma(e0_1, dOut1_0, fma(e0_0, dOut0_0, dvSums[0]));
  dvSums[1] = fma(e0_1, dOut1_1, fma(e0_0, dOut0_1, dvSums[1]));
  dvSums[2] = fma(e0_1, dOut1_2, fma(e0_0, dOut0_2, dvSums[2]));
  dvSums[3] = fma(e0_1, dOut1_3, fma(e0_0, dOut0_3, dvSums[3]));
  let e1_0 = subgroupShuffleXor(e1, t + 0u);
  let e1_1 = subgroupShuffleXor(e1, t + 1u);
  dvSums[4] = fma(e1_1, dOut1_0, fma(e1_0, dOut0_0, dvSums[4]));
  dvSums[5] = fma(e1_1, dOut1_1, fma(e1_0, dOut0_1, dvSums[5]));
  dvSums[6] = fma(e1_1, dOut1_2, fma(e1_0, dOut0_2, dvSums[6]));
  dvSums[7] = fma(e1_1, dOut1_3, fma(e1_0, dOut0_3, dvSums[7]));
  let beginq0 = (((start + min(base + (lane ^ (t + 0u)), p.position - 1u)) * p.groups + group) * p.queries + query) * 8u + p.rows / 4u;
  let q0_all0 = q[beginq0 + lane + 0u];
  let q0_0 = q0_all0.x;
  let q0_1 = q0_all0.y;
  let q0_2 = q0_all0.z;
  let q0_3 = q0_all0.w;
  let beginq1 = (((start + min(base + (lane ^ (t + 1u)), p.position - 1u)) * p.groups + group) * p.queries + query) * 8u + p.rows / 4u;
  let q1_all0 = q[beginq1 + lane + 0u];
  let q1_0 = q1_all0.x;
  let q1_1 = q1_all0.y;
  let q1_2 = q1_all0.z;
  let q1_3 = q1_all0.w;
  let ds0_0 = subgroupShuffleXor(ds0, t + 0u);
  let ds0_1 = subgroupShuffleXor(ds0, t + 1u);
  dkSums[0] = fma(ds0_1, q1_0, fma(ds0_0, q0_0, dkSums[0]));
  dkSums[1] = fma(ds0_1, q1_1, fma(ds0_0, q0_1, dkSums[1]));
  dkSums[2] = fma(ds0_1, q1_2, fma(ds0_0, q0_2, dkSums[2]));
  dkSums[3] = fma(ds0_1, q1_3, fma(ds0_0, q0_3, dkSums[3]));
  let ds1_0 = subgroupShuffleXor(ds1, t + 0u);
  let ds1_1 = subgroupShuffleXor(ds1, t + 1u);
  dkSums[4] = fma(ds1_1, q1_0, fma(ds1_0, q0_0, dkSums[4]));
  dkSums[5] = fma(ds1_1, q1_1, fma(ds1_0, q0_1, dkSums[5]));
  dkSums[6] = fma(ds1_1, q1_2, fma(ds1_0, q0_2, dkSums[6]));
  dkSums[7] = fma(ds1_1, q1_3, fma(ds1_0, q0_3, dkSums[7]));
  }
  }
  }
  for (var r = 0u; r < 2u && own + r < count; r++) {
  let row = ((start + min(own + r, count - 1u)) * p.groups + group) * 8u + p.keys / 4u;
  dk[row + lane + 0u] = vec4(dkSums[r * 4u + 0u], dkSums[r * 4u + 1u], dkSums[r * 4u + 2u], dkSums[r * 4u + 3u]);
  }
  for (var r = 0u; r < 2u && own + r < count; r++) {
  let row = ((start + min(own + r, count - 1u)) * p.groups + group) * 8u + p.keys / 4u;
  dv[row + lane + 0u] = vec4(dvSums[r * 4u + 0u], dvSums[r * 4u + 1u], dvSums[r * 4u + 2u], dvSums[r * 4u + 3u]);
  }
}
