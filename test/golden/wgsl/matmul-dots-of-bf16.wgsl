struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32,
  lda: u32, ldb: u32, ldc: u32, offA: u32, offB: u32, offC: u32, stepA: u32, stepB: u32, stepC: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
fn bf16_one(pair: u32, at: u32) -> f32 { return bitcast<f32>(select(pair * 65536u, pair & 0xffff0000u, (at & 1u) != 0u)); }
fn bf16_four(pairs: vec2<u32>) -> vec4<f32> { return bitcast<vec4<f32>>(vec4<u32>(pairs.x * 65536u, pairs.x & 0xffff0000u, pairs.y * 65536u, pairs.y & 0xffff0000u)); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let id = (w.x + w.y * 65535u) * 64u + l.x;
  if (id >= p.tiles) { return; }
  let tile = id % p.tilesN;
  let rest = id / p.tilesN;
  let tilesM = (p.m + 1u) / 2u;
  let batch = rest / tilesM;
  let row = (rest - batch * tilesM) * 2u;
  let col = tile * 2u;
  let lastRow = p.m - 1u;
  let lastCol = p.n - 1u;
  let r0 = min(row + 0u, lastRow);
  let r1 = min(row + 1u, lastRow);
  let c0 = min(col + 0u, lastCol);
  let c1 = min(col + 1u, lastCol);
  let baseC = p.offC + batch * p.stepC;
  let k4 = p.k / 4u;
  let baseA = (p.offA + batch * p.stepA) / 4u;
  let lda = p.lda / 4u;
  let baseB = (p.offB + batch * p.stepB) / 4u;
  let ldb = p.ldb / 4u;
  let ar0 = baseA + r0 * lda;
  let ar1 = baseA + r1 * lda;
  let bc0 = baseB + c0 * ldb;
  let bc1 = baseB + c1 * ldb;
  var s0_0 = vec4<f32>();
  var s0_1 = vec4<f32>();
  var s1_0 = vec4<f32>();
  var s1_1 = vec4<f32>();
  for (var i = 0u; i < k4; i++) {
    let y0 = bf16_four(b[bc0 + i]);
    let y1 = bf16_four(b[bc1 + i]);
    let x0 = a[ar0 + i];
    s0_0 = fma(x0, y0, s0_0);
    s0_1 = fma(x0, y1, s0_1);
    let x1 = a[ar1 + i];
    s1_0 = fma(x1, y0, s1_0);
    s1_1 = fma(x1, y1, s1_1);
  }
  let d0_0 = (s0_0.x + s0_0.y) + (s0_0.z + s0_0.w);
  let d0_1 = (s0_1.x + s0_1.y) + (s0_1.z + s0_1.w);
  let d1_0 = (s1_0.x + s1_0.y) + (s1_0.z + s1_0.w);
  let d1_1 = (s1_1.x + s1_1.y) + (s1_1.z + s1_1.w);
  if (row + 0u < p.m) {
    let at = baseC + (row + 0u) * p.ldc + col;
    if (col + 0u < p.n) { if (p.add != 0u) { c[at + 0u] = c[at + 0u] + d0_0; } else { c[at + 0u] = d0_0; } }
    if (col + 1u < p.n) { if (p.add != 0u) { c[at + 1u] = c[at + 1u] + d0_1; } else { c[at + 1u] = d0_1; } }
  }
  if (row + 1u < p.m) {
    let at = baseC + (row + 1u) * p.ldc + col;
    if (col + 0u < p.n) { if (p.add != 0u) { c[at + 0u] = c[at + 0u] + d1_0; } else { c[at + 0u] = d1_0; } }
    if (col + 1u < p.n) { if (p.add != 0u) { c[at + 1u] = c[at + 1u] + d1_1; } else { c[at + 1u] = d1_1; } }
  }
}
