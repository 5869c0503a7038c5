struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32,
  lda: u32, ldb: u32, ldc: u32, offA: u32, offB: u32, offC: u32, stepA: u32, stepB: u32, stepC: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
var<workgroup> stripA: array<vec4<f32>, 40>;
var<workgroup> stripB: array<vec4<f32>, 40>;

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) own: u32) {
  let tilesM = (p.m + 15u) / 16u;
  let tilesN = (p.n + 15u) / 16u;
  let id = w.x + w.y * 65535u;
  if (id >= p.batch * tilesM * tilesN) { return; }
  let rest = id / tilesN;
  let batch = rest / tilesM;
  let row = (rest - batch * tilesM) * 16u;
  let col = (id - rest * tilesN) * 16u;
  let baseA = p.offA + batch * p.stepA;
  let baseB = p.offB + batch * p.stepB;
  let baseC = p.offC + batch * p.stepC;
  let down = own / 4u;
  let across = own - down * 4u;
  var s0_0 = vec4<f32>();
  var s1_0 = vec4<f32>();
  var s2_0 = vec4<f32>();
  var s3_0 = vec4<f32>();
  for (var step = 0u; step < p.k; step += 8u) {
    {
      let at = own;
      let depth = at / 4u;
      let place = at - depth * 4u;
      let k = min(step + depth, p.k - 1u);
      let value = vec4<f32>(a[baseA + (k) * p.lda + min((row + 4u * place) + 0u, p.m - 1u)], a[baseA + (k) * p.lda + min((row + 4u * place) + 1u, p.m - 1u)], a[baseA + (k) * p.lda + min((row + 4u * place) + 2u, p.m - 1u)], a[baseA + (k) * p.lda + min((row + 4u * place) + 3u, p.m - 1u)]);
      stripA[depth * 5u + place] = select(vec4<f32>(), value, step + depth < p.k);
    }
    {
      let at = own + 16u;
      let depth = at / 4u;
      let place = at - depth * 4u;
      let k = min(step + depth, p.k - 1u);
      let value = vec4<f32>(a[baseA + (k) * p.lda + min((row + 4u * place) + 0u, p.m - 1u)], a[baseA + (k) * p.lda + min((row + 4u * place) + 1u, p.m - 1u)], a[baseA + (k) * p.lda + min((row + 4u * place) + 2u, p.m - 1u)], a[baseA + (k) * p.lda + min((row + 4u * place) + 3u, p.m - 1u)]);
      stripA[depth * 5u + place] = select(vec4<f32>(), value, step + depth < p.k);
    }
    {
      let at = own;
      let depth = at / 4u;
      let place = at - depth * 4u;
      let k = min(step + depth, p.k - 1u);
      let value = vec4<f32>(b[baseB + (k) * p.ldb + min((col + 4u * place) + 0u, p.n - 1u)], b[baseB + (k) * p.ldb + min((col + 4u * place) + 1u, p.n - 1u)], b[baseB + (k) * p.ldb + min((col + 4u * place) + 2u, p.n - 1u)], b[baseB + (k) * p.ldb + min((col + 4u * place) + 3u, p.n - 1u)]);
      stripB[depth * 5u + place] = select(vec4<f32>(), value, step + depth < p.k);
    }
    {
      let at = own + 16u;
      let depth = at / 4u;
      let place = at - depth * 4u;
      let k = min(step + depth, p.k - 1u);
      let value = vec4<f32>(b[baseB + (k) * p.ldb + min((col + 4u * place) + 0u, p.n - 1u)], b[baseB + (k) * p.ldb + min((col + 4u * place) + 1u, p.n - 1u)], b[baseB + (k) * p.ldb + min((col + 4u * place) + 2u, p.n - 1u)], b[baseB + (k) * p.ldb + min((col + 4u * place) + 3u, p.n - 1u)]);
      stripB[depth * 5u + place] = select(vec4<f32>(), value, step + depth < p.k);
    }
    workgroupBarrier();
    for (var i = 0u; i < 8u; i++) {
      let x0 = stripA[i * 5u + down + 0u];
      let y0 = stripB[i * 5u + across + 0u];
      s0_0 = fma(vec4<f32>(x0.x), y0, s0_0);
      s1_0 = fma(vec4<f32>(x0.y), y0, s1_0);
      s2_0 = fma(vec4<f32>(x0.z), y0, s2_0);
      s3_0 = fma(vec4<f32>(x0.w), y0, s3_0);
    }
    workgroupBarrier();
  }
  let r0 = row + 4u * (down + 0u) + 0u;
  if (r0 < p.m) {
    let out = baseC + r0 * p.ldc;
    if (col + 4u * (across + 0u) + 0u < p.n) { c[out + col + 4u * (across + 0u) + 0u] = c[out + col + 4u * (across + 0u) + 0u] + s0_0.x; }
    if (col + 4u * (across + 0u) + 1u < p.n) { c[out + col + 4u * (across + 0u) + 1u] = c[out + col + 4u * (across + 0u) + 1u] + s0_0.y; }
    if (col + 4u * (across + 0u) + 2u < p.n) { c[out + col + 4u * (across + 0u) + 2u] = c[out + col + 4u * (across + 0u) + 2u] + s0_0.z; }
    if (col + 4u * (across + 0u) + 3u < p.n) { c[out + col + 4u * (across + 0u) + 3u] = c[out + col + 4u * (across + 0u) + 3u] + s0_0.w; }
  }
  let r1 = row + 4u * (down + 0u) + 1u;
  if (r1 < p.m) {
    let out = baseC + r1 * p.ldc;
    if (col + 4u * (across + 0u) + 0u < p.n) { c[out + col + 4u * (across + 0u) + 0u] = c[out + col + 4u * (across + 0u) + 0u] + s1_0.x; }
    if (col + 4u * (across + 0u) + 1u < p.n) { c[out + col + 4u * (across + 0u) + 1u] = c[out + col + 4u * (across + 0u) + 1u] + s1_0.y; }
    if (col + 4u * (across + 0u) + 2u < p.n) { c[out + col + 4u * (across + 0u) + 2u] = c[out + col + 4u * (across + 0u) + 2u] + s1_0.z; }
    if (col + 4u * (across + 0u) + 3u < p.n) { c[out + col + 4u * (across + 0u) + 3u] = c[out + col + 4u * (across + 0u) + 3u] + s1_0.w; }
  }
  let r2 = row + 4u * (down + 0u) + 2u;
  if (r2 < p.m) {
    let out = baseC + r2 * p.ldc;
    if (col + 4u * (across + 0u) + 0u < p.n) { c[out + col + 4u * (across + 0u) + 0u] = c[out + col + 4u * (across + 0u) + 0u] + s2_0.x; }
    if (col + 4u * (across + 0u) + 1u < p.n) { c[out + col + 4u * (across + 0u) + 1u] = c[out + col + 4u * (across + 0u) + 1u] + s2_0.y; }
    if (col + 4u * (across + 0u) + 2u < p.n) { c[out + col + 4u * (across + 0u) + 2u] = c[out + col + 4u * (across + 0u) + 2u] + s2_0.z; }
    if (col + 4u * (across + 0u) + 3u < p.n) { c[out + col + 4u * (across + 0u) + 3u] = c[out + col + 4u * (across + 0u) + 3u] + s2_0.w; }
  }
  let r3 = row + 4u * (down + 0u) + 3u;
  if (r3 < p.m) {
    let out = baseC + r3 * p.ldc;
    if (col + 4u * (across + 0u) + 0u < p.n) { c[out + col + 4u * (across + 0u) + 0u] = c[out + col + 4u * (across + 0u) + 0u] + s3_0.x; }
    if (col + 4u * (across + 0u) + 1u < p.n) { c[out + col + 4u * (across + 0u) + 1u] = c[out + col + 4u * (across + 0u) + 1u] + s3_0.y; }
    if (col + 4u * (across + 0u) + 2u < p.n) { c[out + col + 4u * (across + 0u) + 2u] = c[out + col + 4u * (across + 0u) + 2u] + s3_0.z; }
    if (col + 4u * (across + 0u) + 3u < p.n) { c[out + col + 4u * (across + 0u) + 3u] = c[out + col + 4u * (across + 0u) + 3u] + s3_0.w; }
  }
}
