struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32,
  lda: u32, ldb: u32, ldc: u32, offA: u32, offB: u32, offC: u32, stepA: u32, stepB: u32, stepC: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let id = (w.x + w.y * 65535u) * 64u + l.x;
  if (id >= p.tiles) { return; }
  let tile = id % p.tilesN;
  let rest = id / p.tilesN;
  let tilesM = (p.m + 3u) / 4u;
  let batch = rest / tilesM;
  let row = (rest - batch * tilesM) * 4u;
  let col = tile * 4u;
  let lastRow = p.m - 1u;
  let lastCol = p.n - 1u;
  let r0 = min(row + 0u, lastRow);
  let r1 = min(row + 1u, lastRow);
  let r2 = min(row + 2u, lastRow);
  let r3 = min(row + 3u, lastRow);
  let c0 = min(col + 0u, lastCol);
  let c1 = min(col + 1u, lastCol);
  let c2 = min(col + 2u, lastCol);
  let c3 = min(col + 3u, lastCol);
  let baseC = p.offC + batch * p.stepC;
  let m4 = p.m / 4u;
  let n4 = p.n / 4u;
  let baseA = (p.offA + batch * p.stepA) / 4u;
  let lda = p.lda / 4u;
  let baseB = (p.offB + batch * p.stepB) / 4u;
  let ldb = p.ldb / 4u;
  let g0 = min(row / 4u + 0u, m4 - 1u);
  let f0 = min(col / 4u + 0u, n4 - 1u);
  var s0_0 = vec4<f32>();
  var s1_0 = vec4<f32>();
  var s2_0 = vec4<f32>();
  var s3_0 = vec4<f32>();
  for (var i = 0u; i < p.k; i++) {
    let x0 = a[baseA + i * lda + g0];
    let y0 = b[baseB + i * ldb + f0];
    s0_0 = fma(vec4<f32>(x0.x), y0, s0_0);
    s1_0 = fma(vec4<f32>(x0.y), y0, s1_0);
    s2_0 = fma(vec4<f32>(x0.z), y0, s2_0);
    s3_0 = fma(vec4<f32>(x0.w), y0, s3_0);
  }
  if (row + 0u < p.m) {
    let at = baseC + (row + 0u) * p.ldc + col;
    if (col + 0u < p.n) { if (p.add != 0u) { c[at + 0u] = c[at + 0u] + s0_0.x; } else { c[at + 0u] = s0_0.x; } }
    if (col + 1u < p.n) { if (p.add != 0u) { c[at + 1u] = c[at + 1u] + s0_0.y; } else { c[at + 1u] = s0_0.y; } }
    if (col + 2u < p.n) { if (p.add != 0u) { c[at + 2u] = c[at + 2u] + s0_0.z; } else { c[at + 2u] = s0_0.z; } }
    if (col + 3u < p.n) { if (p.add != 0u) { c[at + 3u] = c[at + 3u] + s0_0.w; } else { c[at + 3u] = s0_0.w; } }
  }
  if (row + 1u < p.m) {
    let at = baseC + (row + 1u) * p.ldc + col;
    if (col + 0u < p.n) { if (p.add != 0u) { c[at + 0u] = c[at + 0u] + s1_0.x; } else { c[at + 0u] = s1_0.x; } }
    if (col + 1u < p.n) { if (p.add != 0u) { c[at + 1u] = c[at + 1u] + s1_0.y; } else { c[at + 1u] = s1_0.y; } }
    if (col + 2u < p.n) { if (p.add != 0u) { c[at + 2u] = c[at + 2u] + s1_0.z; } else { c[at + 2u] = s1_0.z; } }
    if (col + 3u < p.n) { if (p.add != 0u) { c[at + 3u] = c[at + 3u] + s1_0.w; } else { c[at + 3u] = s1_0.w; } }
  }
  if (row + 2u < p.m) {
    let at = baseC + (row + 2u) * p.ldc + col;
    if (col + 0u < p.n) { if (p.add != 0u) { c[at + 0u] = c[at + 0u] + s2_0.x; } else { c[at + 0u] = s2_0.x; } }
    if (col + 1u < p.n) { if (p.add != 0u) { c[at + 1u] = c[at + 1u] + s2_0.y; } else { c[at + 1u] = s2_0.y; } }
    if (col + 2u < p.n) { if (p.add != 0u) { c[at + 2u] = c[at + 2u] + s2_0.z; } else { c[at + 2u] = s2_0.z; } }
    if (col + 3u < p.n) { if (p.add != 0u) { c[at + 3u] = c[at + 3u] + s2_0.w; } else { c[at + 3u] = s2_0.w; } }
  }
  if (row + 3u < p.m) {
    let at = baseC + (row + 3u) * p.ldc + col;
    if (col + 0u < p.n) { if (p.add != 0u) { c[at + 0u] = c[at + 0u] + s3_0.x; } else { c[at + 0u] = s3_0.x; } }
    if (col + 1u < p.n) { if (p.add != 0u) { c[at + 1u] = c[at + 1u] + s3_0.y; } else { c[at + 1u] = s3_0.y; } }
    if (col + 2u < p.n) { if (p.add != 0u) { c[at + 2u] = c[at + 2u] + s3_0.z; } else { c[at + 2u] = s3_0.z; } }
    if (col + 3u < p.n) { if (p.add != 0u) { c[at + 3u] = c[at + 3u] + s3_0.w; } else { c[at + 3u] = s3_0.w; } }
  }
}
