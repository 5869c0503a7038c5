enable subgroups;
diagnostic(off, subgroup_uniformity);
struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32,
  lda: u32, ldb: u32, ldc: u32, offA: u32, offB: u32, offC: u32, stepA: u32, stepB: u32, stepC: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32) {
  let id = (w.x + w.y * 65535u) * 2u + l.x / 4u;
  let tilesM = (p.m + 3u) / 4u;
  let tilesN = (p.n + 15u) / 16u;
  if (id >= p.batch * tilesM * tilesN) { return; }
  let tile = id % tilesN;
  let rest = id / tilesN;
  let batch = rest / tilesM;
  let row = (rest - batch * tilesM) * 4u;
  let col = tile * 16u;
  let lda = p.lda;
  let ldb = p.ldb;
  let baseA = (p.offA + batch * p.stepA);
  let baseB = (p.offB + batch * p.stepB);
  let baseC = p.offC + batch * p.stepC;
  let a0 = baseA + min(row + 0u + lane, p.m - 1u) / 1u;
  let b0 = baseB + min(col + 0u + lane, p.n - 1u) / 1u;
  let b1 = baseB + min(col + 4u + lane, p.n - 1u) / 1u;
  let b2 = baseB + min(col + 8u + lane, p.n - 1u) / 1u;
  let b3 = baseB + min(col + 12u + lane, p.n - 1u) / 1u;
  var s0_0 = 0.0;
  var s0_1 = 0.0;
  var s0_2 = 0.0;
  var s0_3 = 0.0;
  var s1_0 = 0.0;
  var s1_1 = 0.0;
  var s1_2 = 0.0;
  var s1_3 = 0.0;
  var s2_0 = 0.0;
  var s2_1 = 0.0;
  var s2_2 = 0.0;
  var s2_3 = 0.0;
  var s3_0 = 0.0;
  var s3_1 = 0.0;
  var s3_2 = 0.0;
  var s3_3 = 0.0;
  var i = 0u;
  for (; i + 4u <= p.k; i += 4u) {
    let x0_0 = a[a0 + (i + 0u) * lda];
    let x1_0 = a[a0 + (i + 1u) * lda];
    let x2_0 = a[a0 + (i + 2u) * lda];
    let x3_0 = a[a0 + (i + 3u) * lda];
    let v0_0 = (x0_0);
    let v1_0 = (x1_0);
    let v2_0 = (x2_0);
    let v3_0 = (x3_0);
    let v0_1 = quadSwapX(x0_0);
    let v1_1 = quadSwapX(x1_0);
    let v2_1 = quadSwapX(x2_0);
    let v3_1 = quadSwapX(x3_0);
    let v0_2 = quadSwapY(x0_0);
    let v1_2 = quadSwapY(x1_0);
    let v2_2 = quadSwapY(x2_0);
    let v3_2 = quadSwapY(x3_0);
    let v0_3 = quadSwapDiagonal(x0_0);
    let v1_3 = quadSwapDiagonal(x1_0);
    let v2_3 = quadSwapDiagonal(x2_0);
    let v3_3 = quadSwapDiagonal(x3_0);
    let y0_0 = b[b0 + (i + 0u) * ldb];
    let y1_0 = b[b0 + (i + 1u) * ldb];
    let y2_0 = b[b0 + (i + 2u) * ldb];
    let y3_0 = b[b0 + (i + 3u) * ldb];
    s0_0 = fma(v3_0, y3_0, fma(v2_0, y2_0, fma(v1_0, y1_0, fma(v0_0, y0_0, s0_0))));
    s1_0 = fma(v3_1, y3_0, fma(v2_1, y2_0, fma(v1_1, y1_0, fma(v0_1, y0_0, s1_0))));
    s2_0 = fma(v3_2, y3_0, fma(v2_2, y2_0, fma(v1_2, y1_0, fma(v0_2, y0_0, s2_0))));
    s3_0 = fma(v3_3, y3_0, fma(v2_3, y2_0, fma(v1_3, y1_0, fma(v0_3, y0_0, s3_0))));
    let y0_1 = b[b1 + (i + 0u) * ldb];
    let y1_1 = b[b1 + (i + 1u) * ldb];
    let y2_1 = b[b1 + (i + 2u) * ldb];
    let y3_1 = b[b1 + (i + 3u) * ldb];
    s0_1 = fma(v3_0, y3_1, fma(v2_0, y2_1, fma(v1_0, y1_1, fma(v0_0, y0_1, s0_1))));
    s1_1 = fma(v3_1, y3_1, fma(v2_1, y2_1, fma(v1_1, y1_1, fma(v0_1, y0_1, s1_1))));
    s2_1 = fma(v3_2, y3_1, fma(v2_2, y2_1, fma(v1_2, y1_1, fma(v0_2, y0_1, s2_1))));
    s3_1 = fma(v3_3, y3_1, fma(v2_3, y2_1, fma(v1_3, y1_1, fma(v0_3, y0_1, s3_1))));
    let y0_2 = b[b2 + (i + 0u) * ldb];
    let y1_2 = b[b2 + (i + 1u) * ldb];
    let y2_2 = b[b2 + (i + 2u) * ldb];
    let y3_2 = b[b2 + (i + 3u) * ldb];
    s0_2 = fma(v3_0, y3_2, fma(v2_0, y2_2, fma(v1_0, y1_2, fma(v0_0, y0_2, s0_2))));
    s1_2 = fma(v3_1, y3_2, fma(v2_1, y2_2, fma(v1_1, y1_2, fma(v0_1, y0_2, s1_2))));
    s2_2 = fma(v3_2, y3_2, fma(v2_2, y2_2, fma(v1_2, y1_2, fma(v0_2, y0_2, s2_2))));
    s3_2 = fma(v3_3, y3_2, fma(v2_3, y2_2, fma(v1_3, y1_2, fma(v0_3, y0_2, s3_2))));
    let y0_3 = b[b3 + (i + 0u) * ldb];
    let y1_3 = b[b3 + (i + 1u) * ldb];
    let y2_3 = b[b3 + (i + 2u) * ldb];
    let y3_3 = b[b3 + (i + 3u) * ldb];
    s0_3 = fma(v3_0, y3_3, fma(v2_0, y2_3, fma(v1_0, y1_3, fma(v0_0, y0_3, s0_3))));
    s1_3 = fma(v3_1, y3_3, fma(v2_1, y2_3, fma(v1_1, y1_3, fma(v0_1, y0_3, s1_3))));
    s2_3 = fma(v3_2, y3_3, fma(v2_2, y2_3, fma(v1_2, y1_3, fma(v0_2, y0_3, s2_3))));
    s3_3 = fma(v3_3, y3_3, fma(v2_3, y2_3, fma(v1_3, y1_3, fma(v0_3, y0_3, s3_3))));
  }
  for (; i < p.k; i++) {
    let x0_0 = a[a0 + (i + 0u) * lda];
    let v0_0 = (x0_0);
    let v0_1 = quadSwapX(x0_0);
    let v0_2 = quadSwapY(x0_0);
    let v0_3 = quadSwapDiagonal(x0_0);
    let y0_0 = b[b0 + (i + 0u) * ldb];
    s0_0 = fma(v0_0, y0_0, s0_0);
    s1_0 = fma(v0_1, y0_0, s1_0);
    s2_0 = fma(v0_2, y0_0, s2_0);
    s3_0 = fma(v0_3, y0_0, s3_0);
    let y0_1 = b[b1 + (i + 0u) * ldb];
    s0_1 = fma(v0_0, y0_1, s0_1);
    s1_1 = fma(v0_1, y0_1, s1_1);
    s2_1 = fma(v0_2, y0_1, s2_1);
    s3_1 = fma(v0_3, y0_1, s3_1);
    let y0_2 = b[b2 + (i + 0u) * ldb];
    s0_2 = fma(v0_0, y0_2, s0_2);
    s1_2 = fma(v0_1, y0_2, s1_2);
    s2_2 = fma(v0_2, y0_2, s2_2);
    s3_2 = fma(v0_3, y0_2, s3_2);
    let y0_3 = b[b3 + (i + 0u) * ldb];
    s0_3 = fma(v0_0, y0_3, s0_3);
    s1_3 = fma(v0_1, y0_3, s1_3);
    s2_3 = fma(v0_2, y0_3, s2_3);
    s3_3 = fma(v0_3, y0_3, s3_3);
  }
  let r0 = row + 0u + (lane ^ 0u);
  if (r0 < p.m) {
    let out0 = baseC + r0 * p.ldc;
    if (col + 0u + lane < p.n) { c[out0 + col + 0u + lane] = s0_0; }
    if (col + 4u + lane < p.n) { c[out0 + col + 4u + lane] = s0_1; }
    if (col + 8u + lane < p.n) { c[out0 + col + 8u + lane] = s0_2; }
    if (col + 12u + lane < p.n) { c[out0 + col + 12u + lane] = s0_3; }
  }
  let r1 = row + 0u + (lane ^ 1u);
  if (r1 < p.m) {
    let out1 = baseC + r1 * p.ldc;
    if (col + 0u + lane < p.n) { c[out1 + col + 0u + lane] = s1_0; }
    if (col + 4u + lane < p.n) { c[out1 + col + 4u + lane] = s1_1; }
    if (col + 8u + lane < p.n) { c[out1 + col + 8u + lane] = s1_2; }
    if (col + 12u + lane < p.n) { c[out1 + col + 12u + lane] = s1_3; }
  }
  let r2 = row + 0u + (lane ^ 2u);
  if (r2 < p.m) {
    let out2 = baseC + r2 * p.ldc;
    if (col + 0u + lane < p.n) { c[out2 + col + 0u + lane] = s2_0; }
    if (col + 4u + lane < p.n) { c[out2 + col + 4u + lane] = s2_1; }
    if (col + 8u + lane < p.n) { c[out2 + col + 8u + lane] = s2_2; }
    if (col + 12u + lane < p.n) { c[out2 + col + 12u + lane] = s2_3; }
  }
  let r3 = row + 0u + (lane ^ 3u);
  if (r3 < p.m) {
    let out3 = baseC + r3 * p.ldc;
    if (col + 0u + lane < p.n) { c[out3 + col + 0u + lane] = s3_0; }
    if (col + 4u + lane < p.n) { c[out3 + col + 4u + lane] = s3_1; }
    if (col + 8u + lane < p.n) { c[out3 + col + 8u + lane] = s3_2; }
    if (col + 12u + lane < p.n) { c[out3 + col + 12u + lane] = s3_3; }
  }
}
