enable subgroups;
diagnostic(off, subgroup_uniformity);
struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32,
  lda: u32, ldb: u32, ldc: u32, offA: u32, offB: u32, offC: u32, stepA: u32, stepB: u32, stepC: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;

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
  let lda = p.lda / 4u;
  let ldb = p.ldb / 4u;
  let baseA = (p.offA + batch * p.stepA) / 4u;
  let baseB = (p.offB + batch * p.stepB) / 4u;
  let baseC = p.offC + batch * p.stepC;
  let a0 = baseA + min(row + 0u + lane, p.m - 1u) * lda;
  let b0 = baseB + min(col + 0u + 4u * lane, p.n - 1u) * ldb;
  let b1 = baseB + min(col + 1u + 4u * lane, p.n - 1u) * ldb;
  let b2 = baseB + min(col + 2u + 4u * lane, p.n - 1u) * ldb;
  let b3 = baseB + min(col + 3u + 4u * lane, p.n - 1u) * ldb;
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
    let afour0 = a[a0 + i / 4u];
    let x0_0 = afour0.x;
    let x1_0 = afour0.y;
    let x2_0 = afour0.z;
    let x3_0 = afour0.w;
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
    let bfour0 = b[b0 + i / 4u];
    let y0_0 = bfour0.x;
    let y1_0 = bfour0.y;
    let y2_0 = bfour0.z;
    let y3_0 = bfour0.w;
    s0_0 = fma(v3_0, y3_0, fma(v2_0, y2_0, fma(v1_0, y1_0, fma(v0_0, y0_0, s0_0))));
    s1_0 = fma(v3_1, y3_0, fma(v2_1, y2_0, fma(v1_1, y1_0, fma(v0_1, y0_0, s1_0))));
    s2_0 = fma(v3_2, y3_0, fma(v2_2, y2_0, fma(v1_2, y1_0, fma(v0_2, y0_0, s2_0))));
    s3_0 = fma(v3_3, y3_0, fma(v2_3, y2_0, fma(v1_3, y1_0, fma(v0_3, y0_0, s3_0))));
    let bfour1 = b[b1 + i / 4u];
    let y0_1 = bfour1.x;
    let y1_1 = bfour1.y;
    let y2_1 = bfour1.z;
    let y3_1 = bfour1.w;
    s0_1 = fma(v3_0, y3_1, fma(v2_0, y2_1, fma(v1_0, y1_1, fma(v0_0, y0_1, s0_1))));
    s1_1 = fma(v3_1, y3_1, fma(v2_1, y2_1, fma(v1_1, y1_1, fma(v0_1, y0_1, s1_1))));
    s2_1 = fma(v3_2, y3_1, fma(v2_2, y2_1, fma(v1_2, y1_1, fma(v0_2, y0_1, s2_1))));
    s3_1 = fma(v3_3, y3_1, fma(v2_3, y2_1, fma(v1_3, y1_1, fma(v0_3, y0_1, s3_1))));
    let bfour2 = b[b2 + i / 4u];
    let y0_2 = bfour2.x;
    let y1_2 = bfour2.y;
    let y2_2 = bfour2.z;
    let y3_2 = bfour2.w;
    s0_2 = fma(v3_0, y3_2, fma(v2_0, y2_2, fma(v1_0, y1_2, fma(v0_0, y0_2, s0_2))));
    s1_2 = fma(v3_1, y3_2, fma(v2_1, y2_2, fma(v1_1, y1_2, fma(v0_1, y0_2, s1_2))));
    s2_2 = fma(v3_2, y3_2, fma(v2_2, y2_2, fma(v1_2, y1_2, fma(v0_2, y0_2, s2_2))));
    s3_2 = fma(v3_3, y3_2, fma(v2_3, y2_2, fma(v1_3, y1_2, fma(v0_3, y0_2, s3_2))));
    let bfour3 = b[b3 + i / 4u];
    let y0_3 = bfour3.x;
    let y1_3 = bfour3.y;
    let y2_3 = bfour3.z;
    let y3_3 = bfour3.w;
    s0_3 = fma(v3_0, y3_3, fma(v2_0, y2_3, fma(v1_0, y1_3, fma(v0_0, y0_3, s0_3))));
    s1_3 = fma(v3_1, y3_3, fma(v2_1, y2_3, fma(v1_1, y1_3, fma(v0_1, y0_3, s1_3))));
    s2_3 = fma(v3_2, y3_3, fma(v2_2, y2_3, fma(v1_2, y1_3, fma(v0_2, y0_3, s2_3))));
    s3_3 = fma(v3_3, y3_3, fma(v2_3, y2_3, fma(v1_3, y1_3, fma(v0_3, y0_3, s3_3))));
  }
  let ldc = p.ldc / 4u;
  let fourC = baseC / 4u + tile * 4u + lane;
  let within0 = col + 0u + 4u * lane < p.n;
  let r0 = row + 0u + (lane ^ 0u);
  if (r0 < p.m) {
    let out0 = fourC + r0 * ldc;
    if (within0) { c[out0 + 0u] = c[out0 + 0u] + vec4<f32>(s0_0, s0_1, s0_2, s0_3); }
  }
  let r1 = row + 0u + (lane ^ 1u);
  if (r1 < p.m) {
    let out1 = fourC + r1 * ldc;
    if (within0) { c[out1 + 0u] = c[out1 + 0u] + vec4<f32>(s1_0, s1_1, s1_2, s1_3); }
  }
  let r2 = row + 0u + (lane ^ 2u);
  if (r2 < p.m) {
    let out2 = fourC + r2 * ldc;
    if (within0) { c[out2 + 0u] = c[out2 + 0u] + vec4<f32>(s2_0, s2_1, s2_2, s2_3); }
  }
  let r3 = row + 0u + (lane ^ 3u);
  if (r3 < p.m) {
    let out3 = fourC + r3 * ldc;
    if (within0) { c[out3 + 0u] = c[out3 + 0u] + vec4<f32>(s3_0, s3_1, s3_2, s3_3); }
  }
}
