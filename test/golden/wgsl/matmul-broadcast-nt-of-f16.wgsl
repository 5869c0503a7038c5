enable subgroups;
diagnostic(off, subgroup_uniformity);
struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32,
  lda: u32, ldb: u32, ldc: u32, offA: u32, offB: u32, offC: u32, stepA: u32, stepB: u32, stepC: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
fn f16_one(pair: u32, at: u32) -> f32 { return unpack2x16float(select(pair, pair >> 16u, (at & 1u) != 0u)).x; }
fn f16_four(pairs: vec2<u32>) -> vec4<f32> { return vec4<f32>(unpack2x16float(pairs.x), unpack2x16float(pairs.y)); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32) {
  let id = (w.x + w.y * 65535u) * (64u / lanes) + l.x / lanes;
  let tilesM = (p.m + 3u) / 4u;
  let tilesN = (p.n + 2u * lanes - 1u) / (2u * lanes);
  if (id >= p.batch * tilesM * tilesN) { return; }
  let tile = id % tilesN;
  let rest = id / tilesN;
  let batch = rest / tilesM;
  let row = (rest - batch * tilesM) * 4u;
  let col = tile * 2u * lanes + lane;
  let quarter = lane % 4u;
  let baseA = p.offA + batch * p.stepA;
  let baseB = p.offB + batch * p.stepB;
  let baseC = p.offC + batch * p.stepC;
  let a0 = baseA + min(row + 0u, p.m - 1u) * p.lda;
  let a1 = baseA + min(row + 1u, p.m - 1u) * p.lda;
  let a2 = baseA + min(row + 2u, p.m - 1u) * p.lda;
  let a3 = baseA + min(row + 3u, p.m - 1u) * p.lda;
  let b0 = baseB + min(col + 0u * lanes, p.n - 1u) * p.ldb;
  let b1 = baseB + min(col + 1u * lanes, p.n - 1u) * p.ldb;
  var s0_0 = 0.0;
  var s0_1 = 0.0;
  var s1_0 = 0.0;
  var s1_1 = 0.0;
  var s2_0 = 0.0;
  var s2_1 = 0.0;
  var s3_0 = 0.0;
  var s3_1 = 0.0;
  var i = 0u;
  for (; i + 4u <= p.k; i += 4u) {
  let x0 = f16_one(a[(a0 + i + quarter) >> 1u], a0 + i + quarter);
  let x1 = f16_one(a[(a1 + i + quarter) >> 1u], a1 + i + quarter);
  let x2 = f16_one(a[(a2 + i + quarter) >> 1u], a2 + i + quarter);
  let x3 = f16_one(a[(a3 + i + quarter) >> 1u], a3 + i + quarter);
  let y0_0 = b[b0 + i + 0u];
  let y0_1 = b[b1 + i + 0u];
  let x0_0 = subgroupBroadcast(x0, 0u);
  s0_0 = fma(x0_0, y0_0, s0_0);
  s0_1 = fma(x0_0, y0_1, s0_1);
  let x0_1 = subgroupBroadcast(x1, 0u);
  s1_0 = fma(x0_1, y0_0, s1_0);
  s1_1 = fma(x0_1, y0_1, s1_1);
  let x0_2 = subgroupBroadcast(x2, 0u);
  s2_0 = fma(x0_2, y0_0, s2_0);
  s2_1 = fma(x0_2, y0_1, s2_1);
  let x0_3 = subgroupBroadcast(x3, 0u);
  s3_0 = fma(x0_3, y0_0, s3_0);
  s3_1 = fma(x0_3, y0_1, s3_1);
  let y1_0 = b[b0 + i + 1u];
  let y1_1 = b[b1 + i + 1u];
  let x1_0 = subgroupBroadcast(x0, 1u);
  s0_0 = fma(x1_0, y1_0, s0_0);
  s0_1 = fma(x1_0, y1_1, s0_1);
  let x1_1 = subgroupBroadcast(x1, 1u);
  s1_0 = fma(x1_1, y1_0, s1_0);
  s1_1 = fma(x1_1, y1_1, s1_1);
  let x1_2 = subgroupBroadcast(x2, 1u);
  s2_0 = fma(x1_2, y1_0, s2_0);
  s2_1 = fma(x1_2, y1_1, s2_1);
  let x1_3 = subgroupBroadcast(x3, 1u);
  s3_0 = fma(x1_3, y1_0, s3_0);
  s3_1 = fma(x1_3, y1_1, s3_1);
  let y2_0 = b[b0 + i + 2u];
  let y2_1 = b[b1 + i + 2u];
  let x2_0 = subgroupBroadcast(x0, 2u);
  s0_0 = fma(x2_0, y2_0, s0_0);
  s0_1 = fma(x2_0, y2_1, s0_1);
  let x2_1 = subgroupBroadcast(x1, 2u);
  s1_0 = fma(x2_1, y2_0, s1_0);
  s1_1 = fma(x2_1, y2_1, s1_1);
  let x2_2 = subgroupBroadcast(x2, 2u);
  s2_0 = fma(x2_2, y2_0, s2_0);
  s2_1 = fma(x2_2, y2_1, s2_1);
  let x2_3 = subgroupBroadcast(x3, 2u);
  s3_0 = fma(x2_3, y2_0, s3_0);
  s3_1 = fma(x2_3, y2_1, s3_1);
  let y3_0 = b[b0 + i + 3u];
  let y3_1 = b[b1 + i + 3u];
  let x3_0 = subgroupBroadcast(x0, 3u);
  s0_0 = fma(x3_0, y3_0, s0_0);
  s0_1 = fma(x3_0, y3_1, s0_1);
  let x3_1 = subgroupBroadcast(x1, 3u);
  s1_0 = fma(x3_1, y3_0, s1_0);
  s1_1 = fma(x3_1, y3_1, s1_1);
  let x3_2 = subgroupBroadcast(x2, 3u);
  s2_0 = fma(x3_2, y3_0, s2_0);
  s2_1 = fma(x3_2, y3_1, s2_1);
  let x3_3 = subgroupBroadcast(x3, 3u);
  s3_0 = fma(x3_3, y3_0, s3_0);
  s3_1 = fma(x3_3, y3_1, s3_1);
  }
  for (; i < p.k; i++) {
  let yt_0 = b[b0 + i];
  let yt_1 = b[b1 + i];
  let xt_0 = f16_one(a[(a0 + i) >> 1u], a0 + i);
  s0_0 = fma(xt_0, yt_0, s0_0);
  s0_1 = fma(xt_0, yt_1, s0_1);
  let xt_1 = f16_one(a[(a1 + i) >> 1u], a1 + i);
  s1_0 = fma(xt_1, yt_0, s1_0);
  s1_1 = fma(xt_1, yt_1, s1_1);
  let xt_2 = f16_one(a[(a2 + i) >> 1u], a2 + i);
  s2_0 = fma(xt_2, yt_0, s2_0);
  s2_1 = fma(xt_2, yt_1, s2_1);
  let xt_3 = f16_one(a[(a3 + i) >> 1u], a3 + i);
  s3_0 = fma(xt_3, yt_0, s3_0);
  s3_1 = fma(xt_3, yt_1, s3_1);
  }
  if (row + 0u < p.m) {
  let out0 = baseC + (row + 0u) * p.ldc;
  if (col + 0u * lanes < p.n) { c[out0 + col + 0u * lanes] = s0_0 + select(0.0, c[out0 + col + 0u * lanes], p.add != 0u); }
  if (col + 1u * lanes < p.n) { c[out0 + col + 1u * lanes] = s0_1 + select(0.0, c[out0 + col + 1u * lanes], p.add != 0u); }
  }
  if (row + 1u < p.m) {
  let out1 = baseC + (row + 1u) * p.ldc;
  if (col + 0u * lanes < p.n) { c[out1 + col + 0u * lanes] = s1_0 + select(0.0, c[out1 + col + 0u * lanes], p.add != 0u); }
  if (col + 1u * lanes < p.n) { c[out1 + col + 1u * lanes] = s1_1 + select(0.0, c[out1 + col + 1u * lanes], p.add != 0u); }
  }
  if (row + 2u < p.m) {
  let out2 = baseC + (row + 2u) * p.ldc;
  if (col + 0u * lanes < p.n) { c[out2 + col + 0u * lanes] = s2_0 + select(0.0, c[out2 + col + 0u * lanes], p.add != 0u); }
  if (col + 1u * lanes < p.n) { c[out2 + col + 1u * lanes] = s2_1 + select(0.0, c[out2 + col + 1u * lanes], p.add != 0u); }
  }
  if (row + 3u < p.m) {
  let out3 = baseC + (row + 3u) * p.ldc;
  if (col + 0u * lanes < p.n) { c[out3 + col + 0u * lanes] = s3_0 + select(0.0, c[out3 + col + 0u * lanes], p.add != 0u); }
  if (col + 1u * lanes < p.n) { c[out3 + col + 1u * lanes] = s3_1 + select(0.0, c[out3 + col + 1u * lanes], p.add != 0u); }
  }
}
